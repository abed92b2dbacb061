package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

func newExplain(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "explain [APP]",
		Example: "  dynlb explain\n  dynlb explain api",
		Short:   "Say why there are as many instances, and what would change that",
		Long: `Say why there are as many instances as there are, and what would change their number,
for all apps or for APP.`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			all, err := askStatus(cmd, o, app)
			if err != nil {
				return err
			}
			for _, s := range all {
				text := strings.Join(explainPool(s.GetPool(), time.Now()), "\n")
				if len(all) > 1 {
					text = s.GetPool().GetApp() + ": " + text
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), text); err != nil {
					return err
				}
			}
			return nil
		},
	}
	clientFlags(cmd, o)
	return cmd
}

// explainPool returns why the target is what it is, and what would change it.
func explainPool(p *dynlbv1.Pool, now time.Time) []string {
	out := []string{summary(p)}
	if reason := unavailable(p); reason != "" {
		out = append(out, terminal.Printable(reason))
	}
	if d := p.GetLastDecision(); d != nil {
		out = append(out, fmt.Sprintf("why %d: %s ago, by %s: %s", p.GetTarget(), age(d.GetTime()), d.GetRule(), terminal.Printable(d.GetReason())))
	}
	load := loadOf(p)
	out = append(out, fmt.Sprintf("load now: %.2f for each instance (instances are added above %g, and idle ones removed below %g)",
		load, p.GetScaleUpThreshold(), p.GetScaleDownThreshold()))
	if hold := p.GetHoldUntil(); hold != nil {
		return append(out, fmt.Sprintf("nothing changes the number for %v but 'dynlb scale': it is held",
			hold.AsTime().Sub(now).Round(time.Second)))
	}
	if p.GetPaused() {
		return append(out, "nothing changes the number while the app is paused")
	}
	switch {
	case p.GetTarget() >= p.GetMaxInstances():
		out = append(out, fmt.Sprintf("more: no, maxInstances is %d", p.GetMaxInstances()))
	case p.GetBrake() != "":
		out = append(out, "more: no, "+terminal.Printable(p.GetBrake()))
	default:
		out = append(out, more(p, load))
	}
	if p.GetTarget() <= p.GetMinInstances() {
		return append(out, fmt.Sprintf("fewer: no, minInstances is %d", p.GetMinInstances()))
	}
	return append(out, fewer(p, load))
}

// loadOf returns what the autoscaler compares with its thresholds, as far as one moment
// shows it: the load, also of instances that are not ready, for each instance of the target.
func loadOf(p *dynlbv1.Pool) float64 {
	load := float64(p.GetWaitingRequests())
	for _, in := range p.GetInstances() {
		if in.GetState() != dynlbv1.InstanceState_INSTANCE_STATE_DRAINING {
			load += in.GetLoad()
		}
	}
	return load / float64(max(1, p.GetTarget()))
}

// more says when instances are added.
func more(p *dynlbv1.Pool, load float64) string {
	text := fmt.Sprintf("more: when the load of all is above %.1f (%g for each of %d)",
		p.GetScaleUpThreshold()*float64(max(1, p.GetTarget())), p.GetScaleUpThreshold(), max(1, p.GetTarget()))
	if load > 0 {
		text += fmt.Sprintf(", %.1f times that of now", p.GetScaleUpThreshold()/load)
	}
	return text
}

// fewer says when instances are removed.
func fewer(p *dynlbv1.Pool, load float64) string {
	idle := 0
	for _, in := range p.GetInstances() {
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY && in.GetInFlight() == 0 {
			idle++
		}
	}
	text := fmt.Sprintf("fewer: when the load of each is below %g and instances have been idle for idleTimeout; ", p.GetScaleDownThreshold())
	if load >= p.GetScaleDownThreshold() {
		return text + "the load is not"
	}
	return text + fmt.Sprintf("%d are idle now", idle)
}
