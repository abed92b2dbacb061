package local

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestNotReadyFromTheStart: an instance that answers 503 from its start is not
// stopped at startTimeout. It is not ready, the status has the answer, and no start has
// failed.
func TestNotReadyFromTheStart(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		synctest.Wait()
		for _, p := range r.all() {
			p.failHealth(errNotReady)
		}
		r.after(10 * r.settings().StartTimeout)
		r.want("2 starting")
		want := "GET /health: status 503, not 2xx"
		if got := r.registry.Trouble(); got != "no instance is ready: "+want {
			t.Errorf("trouble %q", got)
		}
		if got := r.registry.Snapshot().Instances[0].Reason; got != "not ready yet: "+want {
			t.Errorf("reason %q", got)
		}
		if got := r.events(); strings.Contains(got, "start failed") || len(r.all()) != 2 {
			t.Errorf("%d starts\n%s", len(r.all()), got)
		}
		r.all()[0].failHealth(nil)
		r.after(time.Second)
		r.want("1 starting 1 ready")
		if got := r.registry.Trouble(); got != "" {
			t.Errorf("trouble %q with a ready instance", got)
		}
		r.all()[1].failHealth(errTimedOut) // no answer: startTimeout counts again
		r.after(r.settings().StartTimeout + time.Second)
		if r.all()[1].alive() {
			t.Error("the process that does not answer still runs")
		}
	})
}

// TestNotReadyEndsARestart: a restart ends when a new instance answers 503 for
// startTimeout, and the old ones stay.
func TestNotReadyEndsARestart(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(time.Second)
		r.set(func(m *machine) { m.boot = time.Hour })
		done := make(chan error, 1)
		go func() { done <- r.Restart(t.Context(), 1, "test", func(int, int) {}) }() // ends below
		r.after(time.Millisecond)
		r.all()[1].set(func(p *fakeProcess) { p.boot, p.healthErr = 0, errNotReady })
		r.after(r.settings().StartTimeout + time.Second)
		if err := <-done; err == nil || !strings.Contains(err.Error(), "not ready within 10s: GET /health: status 503") {
			t.Errorf("Restart: %v", err)
		}
		r.want("1 ready")
	})
}

// TestReasonOfAStartingInstance: within a second the status tells why an instance is
// not ready yet.
func TestReasonOfAStartingInstance(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(p *fakeProcess){
		"GET /health: status 404, not 2xx":        func(p *fakeProcess) { p.healthErr = &probe.StatusError{Path: "/health", Status: 404} },
		"GET /health: no answer within 2s":        func(p *fakeProcess) { p.healthErr = errTimedOut },
		"dial 127.0.0.1:5001: connection refused": func(p *fakeProcess) { p.boot = time.Hour },
		"it listens on 3000, not on 5001":         func(p *fakeProcess) { p.boot, p.listening.Owned, p.listening.Ports = time.Hour, false, []int{3000} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				synctest.Wait()
				r.all()[0].set(change)
				r.after(time.Second)
				r.want("1 starting")
				if got := r.registry.Snapshot().Instances[0].Reason; got != "not ready yet: "+want {
					t.Errorf("reason %q, want %q", got, want)
				}
			})
		})
	}
}

// TestRemedy: what follows the cause fits it, and an app of gRPC is not told of a path.
func TestRemedy(t *testing.T) {
	t.Parallel()
	missing := &probe.StatusError{Path: "/health", Status: 404}
	const listen, path = "; have the app listen on 127.0.0.1 at {port}", "; set healthPath"
	for name, c := range map[string]struct {
		grpc         bool
		last, answer error
		cause        error
		want         string // how it begins; "": there is none
	}{
		"answers 404":            {false, missing, missing, missing, path},
		"answers 404 to gRPC":    {true, missing, missing, missing, ""},
		"answers 503":            {false, errNotReady, errNotReady, errNotReady, ""},
		"does not listen":        {false, syscall.ECONNREFUSED, nil, syscall.ECONNREFUSED, listen},
		"does not listen, gRPC":  {true, syscall.ECONNREFUSED, nil, syscall.ECONNREFUSED, listen},
		"does not listen so far": {false, syscall.ECONNREFUSED, missing, syscall.ECONNREFUSED, ""},
		"suspended":              {false, syscall.ECONNREFUSED, nil, errSuspended, ""},
	} {
		s := notReadyState{last: c.last, answer: c.answer}
		got := s.remedy(&child{program: &Program{GRPCHealth: c.grpc}}, c.cause)
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestLastAnswer: the reason of a health check without an answer has the last answer.
func TestLastAnswer(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.all()[0].failHealth(errNotReady)
		r.checks(1)
		r.all()[0].failHealth(errTimedOut)
		r.checks(4)
		const want = "GET /health: no answer within 2s; its last answer was GET /health: status 503, not 2xx"
		if got := r.board.Snapshot().LastExit.Reason; !strings.HasSuffix(got, want) {
			t.Errorf("last exit %q, want %q", got, want)
		}
	})
}

// TestProbeEndpoints: the second host is asked only if nothing listens on the first one.
func TestProbeEndpoints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, second, want error }{
		"silent":              {context.DeadlineExceeded, context.DeadlineExceeded, &probe.SilenceError{Path: "/", Limit: time.Second}},
		"answers":             {errNotReady, errUnhealthy, errNotReady},
		"listens on neither":  {syscall.ECONNREFUSED, syscall.EADDRNOTAVAIL, syscall.ECONNREFUSED},
		"listens on the last": {syscall.ECONNREFUSED, errNotReady, errNotReady},
		"ready on the last":   {syscall.ECONNREFUSED, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &Fleet{machinery: machinery{probe: func(_ context.Context, at registry.Endpoint, _ string) error {
				if at == registry.TCP(hosts[0], 1) {
					return c.first
				}
				return c.second
			}}}
			f.inForce.Store(newInForce(Settings{HealthTimeout: time.Second}))
			at, err := f.probeEndpoints(t.Context(), &child{place: place{port: 1}, program: &Program{HealthPath: "/"}})
			if (err == nil) != (c.want == nil) || err != nil && err.Error() != c.want.Error() || err == nil && at != registry.TCP(hosts[1], 1) {
				t.Errorf("%q, %v; want %v", at, err, c.want)
			}
			if silent := errors.Is(c.first, context.DeadlineExceeded); errors.Is(err, context.DeadlineExceeded) != silent {
				t.Errorf("%v is a timeout: %v", err, !silent)
			}
		})
	}
}
