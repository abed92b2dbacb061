package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestRestartStreamsItsProgress: each step arrives before the next one is made.
func TestRestartStreamsItsProgress(t *testing.T) {
	t.Parallel()
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
		t.Errorf("no log line of the call in %s", p.log.String())
	}
}

func TestRestartOverHTTP(t *testing.T) {
	t.Parallel()
	p := start(t)
	go func() { p.restarter.proceed <- struct{}{} }()
	response, body := p.do(t, http.MethodPost, "/v1/restart", "{}", "Content-Type", "application/json")
	want := `{"result":{"replaced":0,"total":2,"app":"default"}}
{"result":{"replaced":1,"total":2,"app":"default"}}
{"result":{"replaced":2,"total":2,"app":"default"}}
`
	if response.StatusCode != http.StatusOK || body != want {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if p.restarter.surge != 1 {
		t.Errorf("surge %d, want 1 by default", p.restarter.surge)
	}
	for path, method := range map[string]string{"/v1/restart": http.MethodGet} {
		if response, _ := p.do(t, method, path, ""); response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", method, path, response.StatusCode)
		}
	}
}

func TestRestartErrors(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, c := range []struct {
		surge int32
		err   error
		want  codes.Code
	}{
		{-1, nil, codes.InvalidArgument},
		{maxSurge + 1, nil, codes.InvalidArgument},
		{1, fleet.ErrRestarting, codes.FailedPrecondition},
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
