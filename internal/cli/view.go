package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// The ANSI colours of states (ECMA-48 SGR).
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// How reasons begin: why no instance is ready although all that are wanted run
// (notice.NoneReady), and why a starting instance is not ready (registry.NotReadyYet).
const (
	noneReady   = "no instance is ready: "
	notReadyYet = "not ready yet: "
)

// view renders the state as text.
type view struct {
	colours bool
	width   int // columns; 0: no limit
}

// pool writes the whole state: a summary, problems, and a table of the instances.
func (v view) pool(w io.Writer, p *dynlbv1.Pool) {
	v.line(w, summary(p), bold)
	if d := p.GetLastDecision(); d != nil {
		v.line(w, fmt.Sprintf("why: %s ago, by %s: %s", age(d.GetTime()), d.GetRule(), d.GetReason()), "")
	}
	for _, line := range versionLines(p) {
		v.line(w, line, "")
	}
	if p.GetPaused() {
		v.line(w, "paused: requests wait until 'dynlb resume'", yellow)
	}
	if reason := unavailable(p); reason != "" {
		v.line(w, reason, red)
	}
	if brake := p.GetBrake(); brake != "" {
		v.line(w, "not more instances: "+brake, "")
	}
	if problem := p.GetConfigError(); problem != "" {
		first, _, _ := strings.Cut(problem, "\n")
		v.line(w, "config reload failed: "+first, red)
	}
	if p.GetConfigReloading() {
		v.line(w, "config reload in progress: it is in force when new instances have replaced all others", "")
	}
	if exit := p.GetLastExit(); exit != nil {
		version := ""
		if exit.GetVersion() != "" {
			version = " of " + exit.GetVersion()
		}
		v.line(w, fmt.Sprintf("last exit%s: %s ago: %s", version, age(exit.GetTime()), exit.GetReason()), "")
	}
	if len(p.GetInstances()) == 0 {
		return
	}
	rows, versioned := instanceRows(p.GetInstances())
	for i, line := range align(rows, 3+versioned, 9+versioned) {
		colour := ""
		if i > 0 {
			colour = stateColour(p.GetInstances()[i-1])
		}
		v.line(w, line, colour)
	}
	for _, in := range p.GetInstances() {
		if reason := notReadyReason(in); reason != "" {
			v.line(w, terminal.ShortID(in.GetId())+" "+reason, yellow)
		}
	}
}

// notReadyReason returns why an instance is not ready, as far as its fleet knows, or "".
func notReadyReason(in *dynlbv1.Instance) string {
	reason := in.GetStateReason()
	switch in.GetState() {
	case dynlbv1.InstanceState_INSTANCE_STATE_STARTING:
		if strings.HasPrefix(reason, notReadyYet) { // else it is why it was started
			return "is " + reason
		}
	case dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY:
		return "is unhealthy: " + reason
	default:
	}
	return ""
}

// lastLines is how many lines of output are shown below the table.
const lastLines = 5

// lastOutput writes the last output of the instance that failed last, if it has any.
func (v view) lastOutput(w io.Writer, p *dynlbv1.Pool) {
	exit := p.GetLastExit()
	lines := exit.GetOutput()
	if len(lines) == 0 {
		return
	}
	v.line(w, fmt.Sprintf("last output of %s, which ended %s ago:", terminal.ShortID(exit.GetInstanceId()), age(exit.GetTime())), "")
	for _, line := range lines[max(0, len(lines)-lastLines):] {
		v.line(w, "  "+line, "")
	}
}

// line writes one line in a colour, truncated to the width.
func (v view) line(w io.Writer, text, colour string) {
	text = terminal.Printable(text)
	if v.width > 0 && utf8.RuneCountInString(text) > v.width {
		text = string([]rune(text)[:v.width-1]) + "…"
	}
	if v.colours && colour != "" {
		text = colour + text + plain
	}
	fmt.Fprintln(w, text)
}

// summary returns the state in one line.
func summary(p *dynlbv1.Pool) string {
	ready, inFlight := 0, 0
	for _, in := range p.GetInstances() {
		inFlight += int(in.GetInFlight())
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			ready++
		}
	}
	text := fmt.Sprintf("%d ready of %d wanted (%d to %d), %d in flight, %d waiting, %d restarts",
		ready, p.GetTarget(), p.GetMinInstances(), p.GetMaxInstances(), inFlight, p.GetWaitingRequests(), p.GetRestarts())
	if n := p.GetSiblings(); n > 0 {
		text += fmt.Sprintf(", %d dynlbs", n+1)
	}
	if hold := p.GetHoldUntil(); hold != nil {
		text += fmt.Sprintf(", held for %v", max(0, time.Until(hold.AsTime())).Round(time.Second))
	}
	return text
}

// align pads the cells of each column to the same width. The columns from right to
// end have numbers, which are aligned to the right.
func align(rows [][]string, right, end int) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			if j >= right && j < end {
				cells[j] = fmt.Sprintf("%*s", widths[j], cell)
			} else {
				cells[j] = fmt.Sprintf("%-*s", widths[j], cell)
			}
		}
		lines[i] = strings.TrimRight(strings.Join(cells, "  "), " ")
	}
	return lines
}

func stateColour(in *dynlbv1.Instance) string {
	switch in.GetState() {
	case dynlbv1.InstanceState_INSTANCE_STATE_READY:
		if in.GetEjectedUntil() != nil {
			return red
		}
		return green
	case dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY:
		return red
	default:
		return yellow
	}
}

// eventText returns an event in one line.
func eventText(e *dynlbv1.Event) string {
	text := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(e.GetType().String(), "EVENT_TYPE_"), "_", " "))
	if id := e.GetInstanceId(); id != "" {
		text += " " + terminal.ShortID(id)
	}
	return terminal.Printable(text + ": " + e.GetReason())
}

// age returns the time since t in two units at most.
func age(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return terminal.Age(time.Since(t.AsTime()))
}

// cpu returns how much of one processor an instance uses.
func cpu(in *dynlbv1.Instance) string {
	if in.GetCpuTime() == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*in.GetCpuCores())
}

// unavailable returns why instances cannot start, or none is ready; "" if that is not so.
func unavailable(p *dynlbv1.Pool) string {
	reason := p.GetUnavailableReason()
	if reason == "" || strings.HasPrefix(reason, noneReady) { // that says it all
		return reason
	}
	return "cannot start: " + reason
}
