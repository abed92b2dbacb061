package local

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

// events returns the events so far, one a line. "#1" stands for the instance that was
// started first.
func (r *rig) events() string {
	_, events, _ := r.board.Since(0)
	var names []string
	var out strings.Builder
	for _, e := range events {
		if e.Type == notice.Starting {
			names = append(names, shortID(e.ID), fmt.Sprintf("#%d", len(names)/2+1))
		}
		kind := map[notice.EventType]string{
			notice.Starting: "starting", notice.Ready: "ready", notice.Unhealthy: "unhealthy",
			notice.Draining: "draining", notice.Stopped: "stopped", notice.Exited: "exited", notice.StartFailed: "start failed",
		}[e.Type]
		line := kind + " " + shortID(e.ID) + ": " + e.Reason + "\n"
		out.WriteString(strings.NewReplacer(names...).Replace(line))
	}
	return out.String()
}

// TestReasons: the reason of an event is its cause. Each case begins with two ready
// instances that were started for "demand".
func TestReasons(t *testing.T) {
	t.Parallel()
	const ready = "answered the health check"
	const failed = "failed 4 health checks: unexpected EOF"
	for _, c := range []struct {
		name   string
		change func(*Settings, *machine)
		cause  func(r *rig)
		want   []string
	}{
		{"scale up", nil, func(r *rig) { r.Scale(3, "more demand") }, []string{
			"starting #1: demand", "ready #1: " + ready, "starting #3: more demand",
		}},
		{"scale down", nil, func(r *rig) { r.Scale(1, "less demand") }, []string{
			"draining #2: less demand", "stopped #2: signal: terminated, stopped by dynlb: less demand",
		}},
		{"signal", nil, func(r *rig) { r.all()[0].die("signal: killed") }, []string{
			"exited #1: signal: killed", "starting #3: replaces #1, which ended: signal: killed",
		}},
		{"signal after a change of the target", nil, func(r *rig) {
			r.Scale(3, "more demand")
			r.after(time.Second)
			r.all()[0].die("signal: killed")
		}, []string{"starting #4: replaces #1, which ended: signal: killed"}},
		{"exit", nil, func(r *rig) { r.all()[0].die("exit status 1", "Error: no database") }, []string{
			"exited #1: exit status 1: Error: no database",
			"starting #3: replaces #1, which ended: exit status 1: Error: no database",
		}},
		{"two deaths", nil, func(r *rig) {
			r.all()[1].die("exit status 2")
			r.all()[0].die("exit status 1")
		}, []string{"which ended: exit status 1", "which ended: exit status 2"}},
		{"crash loop", nil, func(r *rig) {
			r.set(func(m *machine) { m.boot = time.Hour })
			r.all()[0].die("exit status 1")
			r.after(50 * time.Millisecond)
			r.all()[2].die("exit status 2")
		}, []string{
			"starting #3: replaces #1, which ended: exit status 1\n",
			"start failed : exit status 2", "starting #4: replaces #3, which ended: exit status 2 (failure 2 in a row)",
		}},
		{"program missing", nil, func(r *rig) {
			r.refuseStarts(errors.New("bun: not found"))
			r.Scale(3, "more demand")
		}, []string{
			"starting #3: more demand", "exited #3: bun: not found", "start failed : bun: not found",
			"starting #4: replaces #3, which could not be started: bun: not found",
		}},
		{"never ready", nil, func(r *rig) {
			r.set(func(m *machine) { m.boot = time.Hour })
			r.Scale(3, "more demand")
			r.after(11 * time.Second)
		}, []string{
			"exited #3: not ready within 10s: dial 127.0.0.1:5003: connection refused",
			"starting #4: replaces #3, which was stopped: not ready within 10s: dial 127.0.0.1:5003: connection refused",
		}},
		{"failed health checks", nil, func(r *rig) {
			r.all()[0].failHealth(errUnhealthy)
			r.checks(4)
		}, []string{
			"unhealthy #1: failed 2 health checks: unexpected EOF", "draining #1: " + failed, "exited #1: " + failed,
			"starting #3: replaces #1, which was stopped: " + failed,
		}},
		{"not ready, and ready again", nil, func(r *rig) {
			r.all()[0].failHealth(errNotReady)
			r.checks(2)
			r.all()[0].failHealth(nil)
			r.checks(1)
		}, []string{"unhealthy #1: failed 2 health checks: " + errNotReady.Error(), "ready #1: " + ready}},
		{"refused connection", nil, func(r *rig) {
			lease := r.acquire()
			lease.ConnRefused()
			lease.Release()
		}, []string{"unhealthy #1: refused a connection", "ready #1: " + ready}},
		{"ejection", nil, func(r *rig) {
			lease := r.acquire()
			for range 5 {
				lease.Unreachable("it cannot be reached")
			}
			lease.Release()
			r.after(31 * time.Second)
		}, []string{"unhealthy #1: ejected for 30s after 5 failures in a row: it cannot be reached", "ready #1: its ejection is over"}},
		{"recycling", func(s *Settings, _ *machine) { s.MaxRequests = 1 }, func(r *rig) {
			lease := r.acquire() // of #1
			r.after(2 * time.Second)
			lease.Release()
		}, []string{
			"starting #3: replaces #1, which served 1 requests (maxRequests is 1)", "draining #1: served 1 requests (maxRequests is 1)",
		}},
		{"restart", nil, func(r *rig) {
			if err := r.Restart(r.t.Context(), 1, "restart asked for", func(int, int) {}); err != nil {
				r.t.Error(err)
			}
		}, []string{"starting #3: restart asked for", "draining #1: restart asked for", "stopped #1: signal: terminated, stopped by dynlb: restart asked for"}},
		{"reload", nil, func(r *rig) {
			s := *r.settings()
			s.Program.Env = map[string]string{"A": "b"}
			r.Configure(s)
		}, []string{"starting #3: config changed: env", "draining #1: config changed: env"}},
		{"failed restart", nil, func(r *rig) {
			r.set(func(m *machine) { m.boot = time.Hour })
			go func() { _ = r.Restart(r.t.Context(), 2, "restart asked for", func(int, int) {}) }() // fails
			r.after(time.Second)
			r.all()[2].die("exit status 1")
		}, []string{"draining #4: rolling restart stopped: exit status 1"}},
		{"taken back in place of a dead one", nil, func(r *rig) {
			lease := r.acquire()
			other := r.acquire()
			r.Scale(1, "less demand")
			r.after(time.Second)
			r.all()[0].die("signal: killed")
			r.after(time.Second)
			lease.Release()
			other.Release()
		}, []string{"ready #2: replaces #1, which ended: signal: killed"}},
		{"exit during a drain", nil, func(r *rig) {
			defer r.acquire().Release()
			defer r.acquire().Release()
			r.Scale(1, "less demand")
			r.after(time.Second)
			r.all()[1].die("exit status 1")
			r.after(time.Second)
		}, []string{"stopped #2: exit status 1, while it drained: less demand"}},
		{"shutdown", nil, func(r *rig) { r.Stop(r.t.Context()) }, []string{
			"draining #1: shutting down", "stopped #1: signal: terminated, stopped by dynlb: shutting down",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, c.change, func(t *testing.T, r *rig) {
				r.Scale(2, "demand")
				r.after(50 * time.Millisecond)
				c.cause(r)
				r.after(time.Second)
				got := r.events()
				if i := slices.IndexFunc(c.want, func(s string) bool { return !strings.Contains(got, s) }); i >= 0 {
					t.Errorf("no event %q in\n%s", c.want[i], got)
				}
			})
		})
	}
}
