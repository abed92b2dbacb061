package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// fakeOperator notes what it is asked for.
type fakeOperator struct {
	mu     sync.Mutex // guards the rest
	err    error      // of Reload
	reason string     // of the last Reload
	stops  []bool     // the values of now
}

func (f *fakeOperator) PID() int { return os.Getpid() }

func (f *fakeOperator) Stop(now bool) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stops = append(f.stops, now)
	return 35 * time.Second
}

func (f *fakeOperator) Reload(_ context.Context, reason string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reason = reason
	return "/etc/config.yaml", f.err
}

// operated returns a control plane whose service has an operator.
func operated(t *testing.T) (*plane, *fakeOperator) {
	t.Helper()
	f := &fakeOperator{}
	var dialer net.Dialer
	return startOn(t, Options{Operator: f}, listen(t), listen(t), dialer.DialContext), f
}

// TestStop stops dynlb over gRPC, and at once over HTTP. The log has who did.
func TestStop(t *testing.T) {
	t.Parallel()
	p, f := operated(t)
	r, err := p.client.Stop(t.Context(), &dynlbv1.StopRequest{})
	if err != nil || r.GetPid() != int64(os.Getpid()) || r.GetTimeout().AsDuration() != 35*time.Second {
		t.Errorf("Stop: %v, %v", r, err)
	}
	resp, body := p.do(t, http.MethodPost, "/v1/stop", `{"now":true}`, "Content-Type", "application/json")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"35s"`) {
		t.Errorf("POST /v1/stop: %d %s", resp.StatusCode, body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.stops) != 2 || f.stops[0] || !f.stops[1] {
		t.Errorf("stops with now: %v", f.stops)
	}
	if got := strings.Count(p.log.String(), "msg=Stop peer=127.0.0.1:"); got != 2 {
		t.Errorf("%d lines in the log, want 2: %s", got, p.log)
	}
}

// TestReload: each outcome of a reload has its code.
func TestReload(t *testing.T) {
	t.Parallel()
	p, f := operated(t)
	r, err := p.client.Reload(t.Context(), &dynlbv1.ReloadRequest{})
	if err != nil || r.GetPath() != "/etc/config.yaml" || !strings.HasPrefix(f.reason, "Reload from 127.0.0.1:") {
		t.Errorf("Reload: %v, %v, because %q", r, err, f.reason)
	}
	if resp, body := p.do(t, http.MethodPost, "/v1/reload", `{}`, "Content-Type", "application/json"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "/etc/config.yaml") {
		t.Errorf("POST /v1/reload: %d %s", resp.StatusCode, body)
	}
	for _, c := range []struct {
		err  error
		code codes.Code
		text string
	}{
		{InvalidConfigError{errors.New("config.yaml:1: bad")}, codes.InvalidArgument, "config.yaml:1: bad"},
		{fleet.ErrSuperseded, codes.Aborted, "later"},
		{fleet.ErrDeploying, codes.FailedPrecondition, "read again when it has ended"},
		{registry.ErrClosed, codes.Unavailable, "shut"},
		{errors.New("no instance became ready"), codes.FailedPrecondition, "no instance"},
	} {
		f.mu.Lock()
		f.err = c.err
		f.mu.Unlock()
		_, err := p.client.Reload(t.Context(), &dynlbv1.ReloadRequest{})
		wantCode(t, err, c.code, c.text)
	}
}

// TestNoOperator: without an operator the calls say that they are not there.
func TestNoOperator(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, err := p.client.Reload(t.Context(), &dynlbv1.ReloadRequest{})
	wantCode(t, err, codes.Unimplemented, "")
	_, err = p.client.Stop(t.Context(), &dynlbv1.StopRequest{})
	wantCode(t, err, codes.Unimplemented, "")
}
