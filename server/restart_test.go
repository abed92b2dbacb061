package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// fakeRestarter replaces two instances, the second when it is told to proceed,
// and then returns err.
type fakeRestarter struct {
	proceed chan struct{}
	panics  bool // Restart panics; set before any call

	mu     sync.Mutex
	err    error
	surge  int
	reason string
}

func (f *fakeRestarter) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeRestarter) Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error {
	if f.panics {
		panic("restart")
	}
	f.mu.Lock()
	f.surge, f.reason = surge, reason
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	progress(0, 2)
	progress(1, 2)
	select {
	case <-f.proceed:
		progress(2, 2)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestRestartStreamsItsProgress: each step arrives when it is made.
func TestRestartStreamsItsProgress(t *testing.T) {
	p := start(t)
	stream, err := p.client.RestartInstances(t.Context(), &dynlbv1.RestartInstancesRequest{MaxSurge: 3})
	if err != nil {
		t.Fatal(err)
	}
	for want := range int32(3) {
		if want == 2 {
			p.restarter.proceed <- struct{}{}
		}
		m, err := stream.Recv()
		if err != nil || m.GetReplaced() != want || m.GetTotal() != 2 {
			t.Fatalf("message %d: %v, %v", want, m, err)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	if p.restarter.surge != 3 || !strings.HasPrefix(p.restarter.reason, "RestartInstances from 127.0.0.1:") {
		t.Errorf("surge %d, reason %q", p.restarter.surge, p.restarter.reason)
	}
	if !strings.Contains(p.log.String(), "msg=RestartInstances peer=127.0.0.1:") {
		t.Errorf("no audit line in %s", p.log.String())
	}
}

func TestRestartOverHTTP(t *testing.T) {
	p := start(t)
	go func() { p.restarter.proceed <- struct{}{} }()
	response, body := p.do(t, http.MethodPost, "/v1/restart", "{}", "Content-Type", "application/json")
	want := `{"result":{"replaced":0,"total":2}}
{"result":{"replaced":1,"total":2}}
{"result":{"replaced":2,"total":2}}
`
	if response.StatusCode != http.StatusOK || body != want {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if p.restarter.surge != 1 {
		t.Errorf("surge %d, want 1 unasked", p.restarter.surge)
	}
	for path, method := range map[string]string{"/v1/restart": http.MethodGet} {
		if response, _ := p.do(t, method, path, ""); response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", method, path, response.StatusCode)
		}
	}
}

func TestRestartErrors(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		surge int32
		err   error
		want  codes.Code
	}{
		{-1, nil, codes.InvalidArgument},
		{maxSurge + 1, nil, codes.InvalidArgument},
		{1, registry.ErrRestarting, codes.FailedPrecondition},
		{1, fmt.Errorf("restart: %w", registry.ErrClosed), codes.Unavailable},
		{1, errors.New("0 of 2 instances replaced"), codes.Aborted},
	} {
		p.restarter.fail(c.err)
		stream, err := p.client.RestartInstances(t.Context(), &dynlbv1.RestartInstancesRequest{MaxSurge: c.surge})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = stream.Recv(); status.Code(err) != c.want {
			t.Errorf("surge %d, %v: %v, want %v", c.surge, c.err, err, c.want)
		}
	}
}
