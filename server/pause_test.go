package server

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestPauseApp pauses and resumes one of two apps, over gRPC and HTTP.
func TestPauseApp(t *testing.T) {
	t.Parallel()
	p, two := startTwo(t)
	paused := func(want bool) {
		t.Helper()
		if p.registry.Snapshot().Paused {
			t.Error("the other app is paused")
		}
		state, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{App: "two"})
		if err != nil || state.GetPool().GetPaused() != want || two.registry.Snapshot().Paused != want {
			t.Errorf("paused: %t, want %t: %v", state.GetPool().GetPaused(), want, err)
		}
	}
	for _, changed := range []bool{true, false} {
		r, err := p.client.PauseApp(t.Context(), &dynlbv1.PauseAppRequest{App: "two"})
		if err != nil || r.GetChanged() != changed || r.GetApp() != "two" {
			t.Errorf("PauseApp: %v, %v, want a change: %t", r, err, changed)
		}
		paused(true)
	}
	for _, changed := range []bool{true, false} {
		r, err := p.client.ResumeApp(t.Context(), &dynlbv1.ResumeAppRequest{App: "two"})
		if err != nil || r.GetChanged() != changed || r.GetApp() != "two" {
			t.Errorf("ResumeApp: %v, %v, want a change: %t", r, err, changed)
		}
		paused(false)
	}
	for _, path := range []string{"/v1/pause", "/v1/resume"} {
		res, err := p.web.Post(p.base+path, "application/json", strings.NewReader(`{"app":"two"}`))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), `"two"`) {
			t.Errorf("POST %s: %d %s", path, res.StatusCode, body)
		}
	}
	_, err := p.client.PauseApp(t.Context(), &dynlbv1.PauseAppRequest{App: "three"})
	wantCode(t, err, codes.NotFound, "three")
	_, err = p.client.ResumeApp(t.Context(), &dynlbv1.ResumeAppRequest{})
	wantCode(t, err, codes.InvalidArgument, "app is missing")
	if !strings.Contains(p.log.String(), "PauseApp") || !strings.Contains(p.log.String(), "ResumeApp") {
		t.Errorf("log: %s", p.log)
	}
}
