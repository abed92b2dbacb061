package server

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestDrainInstance drains an instance of one of two apps, over gRPC and HTTP.
func TestDrainInstance(t *testing.T) {
	t.Parallel()
	p, two := startTwo(t)
	r, err := p.client.DrainInstance(t.Context(), &dynlbv1.DrainInstanceRequest{App: "two", InstanceId: "abc"})
	if err != nil || r.GetApp() != "two" || r.GetInstanceId() != "abc" {
		t.Errorf("DrainInstance: %v, %v", r, err)
	}
	resp, body := p.do(t, http.MethodPost, "/v1/drain", `{"app":"two","instanceId":"def"}`, "Content-Type", "application/json")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"def"`) {
		t.Errorf("POST /v1/drain: %d %s", resp.StatusCode, body)
	}
	two.restarter.mu.Lock()
	if got := two.restarter.drained; len(got) != 2 || got[0] != "abc" || got[1] != "def" ||
		!strings.HasPrefix(two.restarter.reason, "was drained by order from 127.0.0.1:") {
		t.Errorf("drained %v, because %q", got, two.restarter.reason)
	}
	two.restarter.mu.Unlock()
	if got := strings.Count(p.log.String(), "msg=DrainInstance peer=127.0.0.1:"); got != 2 {
		t.Errorf("%d lines in the log, want 2: %s", got, p.log)
	}
}

// TestDrainErrors: each error of the fleet has its code.
func TestDrainErrors(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, c := range []struct {
		id   string
		err  error
		code codes.Code
		text string
	}{
		{"", nil, codes.InvalidArgument, "instance_id is missing"},
		{"abc", fleet.ErrNoInstance, codes.NotFound, "abc"},
		{"abc", fleet.ErrNotServing, codes.FailedPrecondition, "not in service"},
		{"abc", registry.ErrClosed, codes.Unavailable, "shut"},
		{"abc", errors.New("broken"), codes.Internal, "broken"},
	} {
		p.restarter.fail(c.err)
		_, err := p.client.DrainInstance(t.Context(), &dynlbv1.DrainInstanceRequest{InstanceId: c.id})
		wantCode(t, err, c.code, c.text)
	}
	_, err := p.client.DrainInstance(t.Context(), &dynlbv1.DrainInstanceRequest{App: "none", InstanceId: "abc"})
	wantCode(t, err, codes.NotFound, "none")
}
