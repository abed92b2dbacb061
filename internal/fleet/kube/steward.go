package kube

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dynlb/dynlb/internal/notice"
)

// steward reads and writes the Deployment, in one goroutine.
type steward struct {
	fleet   *Fleet
	client  *client
	target  Target
	pace    *pace
	elector *elector

	written  int       // what dynlb wrote last, or found; -1 before the first look
	rival    string    // what else sets the replicas; "" if nothing does
	rivalAt  time.Time // when it last did
	hpaSeen  time.Time // when autoscalers were last listed
	steering notice.Steering
	told     bool // steering was sent
	plain    bool // pods may not be annotated: no victim can be chosen
	blind    bool // autoscalers may not be listed, which was logged
	pending  pendingPods
	waiting  string // why the Deployment is not scaled, as logged
	refused  string // which right is missing to scale; "" if none is known to be
	trouble  string // as reported
	image    string // as reported; "" before that
	previous string // likewise
}

const (
	// rivalPause is how long dynlb leaves the replicas alone after something else has set
	// them. An HPA does so every 15 s, and tools that apply a manifest every few minutes.
	rivalPause = 2 * time.Minute
	// hpaInterval is the time between two looks for autoscalers.
	hpaInterval = 30 * time.Second
)

func newSteward(f *Fleet, c *client, settings *Settings) *steward {
	s := &steward{fleet: f, client: c, target: settings.Cluster.Target, pace: settings.paceOf(), written: -1}
	s.elector = &elector{
		client: c, name: manager + "-" + s.target.Deployment, identity: f.siblings.ID, pace: s.pace,
	}
	return s
}

// run keeps the replicas at the target, as long as this process holds the Lease.
func (s *steward) run(ctx context.Context) {
	election, end := context.WithCancel(ctx)
	var elections sync.WaitGroup
	elections.Go(func() { s.elector.run(election, s.fleet.wakeSteward) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			end()
			elections.Wait()
			s.elector.release()
			return
		case <-s.fleet.wake:
		case <-timer.C:
		}
		timer.Reset(s.step(ctx))
	}
}

// step looks at the Deployment, and changes it if that is called for. It returns the time
// until the next look.
func (s *steward) step(ctx context.Context) time.Duration {
	d, err := s.read(ctx)
	switch {
	case ctx.Err() != nil:
		return s.pace.calm
	case apierrors.IsNotFound(err):
		s.report(fmt.Sprintf("there is no Deployment %s in namespace %s", s.target.Deployment, s.client.namespace))
		return s.pace.calm
	case apierrors.IsForbidden(err):
		s.report(getDeployment.explain(err).Error())
		return s.pace.calm
	case err != nil:
		s.waitFor("the API server does not answer: " + err.Error())
		return s.pace.busy
	}
	s.report(s.refused)
	s.reportVersions(d)
	s.recognize(ctx, d)
	s.steer(d)
	want, reason, ok := s.fleet.wanted()
	now := d.replicas()
	_, leads := s.elector.leads()
	next := s.pace.calm
	switch {
	case !ok, s.rival != "":
	case want > now && (leads || now == 0):
		next = s.raise(ctx, d, want, reason)
	case !leads:
	case want < now:
		next = s.lower(ctx, d, want, reason)
	default:
		s.fleet.spare()
		s.waitFor("")
	}
	if pending := s.watchPending(ctx, d); pending || d.rollout() || s.fleet.victims() > 0 {
		next = min(next, s.pace.busy)
	}
	return next
}

// recognize notes what sets the replicas beside this process.
func (s *steward) recognize(ctx context.Context, d *deployment) {
	now := time.Now()
	scaler, subresource := d.scaler()
	if s.rival != "" && now.Sub(s.rivalAt) >= rivalPause {
		s.rival = ""
	}
	if changed := s.written >= 0 && d.replicas() != s.written; changed && scaler != manager {
		s.rival, s.rivalAt = cmp.Or(scaler, "an unknown manager"), now
		s.hpaSeen = time.Time{}
		s.fleet.Log.Warn("replicas of the Deployment were changed, dynlb leaves them alone for a while", "by", s.rival,
			"from", s.written, "to", d.replicas(), "pause", rivalPause)
	}
	s.written = d.replicas()
	if now.Sub(s.hpaSeen) < hpaInterval {
		return
	}
	s.hpaSeen = now
	name, known := s.autoscaler(ctx)
	switch {
	case name != "":
		name = "HorizontalPodAutoscaler " + name
	case !known && scaler == "kube-controller-manager" && subresource == "scale":
		name = "a HorizontalPodAutoscaler, perhaps"
	default:
		return
	}
	if name != s.rival {
		s.fleet.Log.Error("Deployment is scaled by something else, so dynlb does not scale it", "by", name,
			"hint", "delete the HorizontalPodAutoscaler")
	}
	s.rival, s.rivalAt = name, now
}

// steer reports what sets the target, as soon as that is known.
func (s *steward) steer(d *deployment) {
	holder, why := s.elector.state()
	if why != "" && s.told && !s.elector.lasts() {
		return // an API server that has just started refuses everything for a moment
	}
	if why != "" {
		holder = "nothing: " + why
	}
	_, leads := s.elector.leads()
	if !leads && (holder == "" || holder == s.elector.identity) {
		return // the first try has not ended, or an outage is over and no other dynlb has the Lease
	}
	next := notice.Steering{Target: d.replicas(), By: s.rival}
	if !leads && s.rival == "" {
		next.By, next.Raise, next.Sibling = holder, next.Target == 0, why == ""
		if o := s.fleet.siblings.Order(holder); o.Scales {
			next.Target, next.Hold = o.Target, o.Hold
		}
	}
	if s.told && next == s.steering {
		return
	}
	if next.By == holder && why != "" {
		s.fleet.Log.Error("Lease cannot be used, so dynlb does not scale", "error", why)
	}
	own := s.told && next.By == "" && s.steering.By == "" // Scale has set what there is
	if s.told && next.By == "" && s.steering.By != "" {
		s.fleet.forget()
		if o := s.fleet.siblings.Order(s.steering.By); o.Scales { // it may be gone without having carried it out
			next.Target, next.Hold = o.Target, o.Hold
		}
	}
	s.steering, s.told = next, true
	if !own {
		s.fleet.steer(next)
	}
}

// raise scales up, unless pods that were asked for before find no room.
func (s *steward) raise(ctx context.Context, d *deployment, n int, reason string) time.Duration {
	s.fleet.spare()
	if s.pending.noRoom != "" && d.Status.Ready < d.replicas() {
		s.waitFor("pods that were asked for before find no room: " + s.pending.noRoom)
		return s.pace.busy
	}
	s.set(ctx, d.replicas(), n, reason)
	return s.pace.busy
}

// set writes the replicas, if this process may still do so; from zero any may. It reports
// whether they were written.
func (s *steward) set(ctx context.Context, from, n int, reason string) bool {
	until, leads := s.elector.leads()
	if leads {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	} else if from != 0 {
		return false
	}
	err := patchScale.explain(s.setReplicas(ctx, n))
	s.refused = ""
	if apierrors.IsForbidden(err) {
		s.refused = err.Error()
	}
	if err != nil {
		s.fleet.Log.Warn("scale Deployment", "to", n, "error", err)
		s.waitFor("scale Deployment: " + err.Error())
		return false
	}
	s.written = n
	s.fleet.Log.Info("Deployment scaled", "deployment", s.target.Deployment, "from", from, "to", n, "reason", reason)
	s.waitFor("")
	return true
}

// waitFor notes why the Deployment is not scaled as it should be, and logs it once.
func (s *steward) waitFor(reason string) {
	if reason != "" && reason != s.waiting {
		s.fleet.Log.Info("scaling waits", "reason", reason)
	}
	s.waiting = reason
}

// report reports why no pod can be started; "" when one can.
func (s *steward) report(trouble string) {
	if trouble == s.trouble {
		return
	}
	s.trouble = trouble
	s.fleet.Board.SetTrouble(trouble)
	if trouble != "" {
		s.fleet.Log.Error("no fleet", "error", trouble)
	}
}

// forget has the target wait for Scale: it was set when another process did that.
func (f *Fleet) forget() { f.call(func() { f.scaled = false }) }

// wanted returns the target and its reason; ok is false before Scale was called, and during a
// shutdown.
func (f *Fleet) wanted() (n int, reason string, ok bool) {
	f.call(func() { n, reason, ok = f.target, f.reason, f.scaled && !f.frozen && !f.stopping })
	return n, reason, ok
}
