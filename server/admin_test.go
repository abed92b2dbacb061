package server

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func mustAddrPort(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAdminPaths(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.add(t, 5001, registry.Ready)
	for _, tt := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/", 200, "POST /v1/scale"},
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 200, "ok\n"},
		{"GET", "/v1/status", 200, `"pool":{"target":2,"minInstances":2,"maxInstances":8,"waitingRequests":0,"restarts":"0","unavailableReason":"","instances":[{"id":`},
		{"HEAD", "/v1/status", 200, ""},
		{"GET", "/metrics", 200, "dynlb_instances"},
		{"POST", "/", 405, `{"code":12,"message":"/ takes GET, HEAD, not POST","details":[]}`},
		{"GET", "/v1/scale", 405, `takes POST, not GET`},
		{"HEAD", "/v1/instances:watch", 405, ``},
		{"OPTIONS", "/v1/scale", 405, `takes POST, not OPTIONS`},
		{"GET", "/nowhere", 404, `{"code":5,"message":"there is no /nowhere","details":[]}`},
		{"GET", "/v1/", 404, `there is no /v1/`},
		{"GET", "/v1/instances", 404, `there is no`},
		{"GET", "/debug/pprof/", 404, `there is no`},
	} {
		resp, body := p.do(t, tt.method, tt.path, "", "Content-Type", "application/json")
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.contains) {
			t.Errorf("%s %s: %s %s; want %d with %s", tt.method, tt.path, resp.Status, body, tt.status, tt.contains)
		}
		if resp.StatusCode == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.path)
		}
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	p := start(t)
	check := func(status int, want string) {
		t.Helper()
		if resp, body := p.do(t, "GET", "/readyz", ""); resp.StatusCode != status || body != want {
			t.Errorf("/readyz: %s %q, want %d %q", resp.Status, body, status, want)
		}
	}
	check(503, "no instance is ready\n")
	id := p.add(t, 5001)
	check(503, "no instance is ready: 1 starting\n")
	p.board.SetTrouble("bun: not found on PATH")
	check(503, "no instance is ready: bun: not found on PATH\n")
	if err := p.registry.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	check(200, "ok\n")
	if err := p.registry.Transition(id, registry.Stopped, "test"); err != nil {
		t.Fatal(err)
	}
	p.board.SetTarget(0, notice.Bounds{Max: 8}, time.Time{}, "idle")
	check(503, "no instance is ready: bun: not found on PATH\n")
	p.board.SetTrouble("")
	check(200, "ok\n") // scaled to zero
	p.NotServing()
	check(503, "shutting down\n")
}

func TestReadyzBeforeTheFirstTarget(t *testing.T) {
	t.Parallel()
	now := notice.New(registry.New(registry.Options{})).Snapshot()
	if unready(&now) == nil {
		t.Error("ready before the target was set")
	}
}

// openAPI is what the tests read of the OpenAPI document.
type openAPI struct {
	OpenAPI    string
	Paths      map[string]map[string]struct{ OperationID string }
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Type, Format string }
		}
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	p := start(t)
	resp, body := p.do(t, "GET", "/openapi.json", "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("/openapi.json: %s %v", resp.Status, resp.Header)
	}
	var doc openAPI
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) == 0 {
		t.Fatalf("document is %s", body)
	}
	for _, field := range []string{"port", "activeRequests", "totalRequests", "responseTime", "load"} {
		if got := doc.Components.Schemas["LbInstance"].Properties[field].Type; got != "number" && got != "integer" {
			t.Errorf("LbInstance.%s is %q, want a number", field, got)
		}
	}
	// All that the document lists is there.
	for path, methods := range doc.Paths {
		if path == "/v1/instances/watch" || path == "/v1/restart" || path == "/v1/deploy" || path == "/v1/rollback" || path == "/v1/upgrade" {
			continue // they stream, and have tests of their own
		}
		for method := range methods {
			resp, _ := p.do(t, strings.ToUpper(method), path, "", "Content-Type", "application/json")
			if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
}
