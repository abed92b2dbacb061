package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
)

// TestLimits: what the config says of clients holds on the public listener, and
// changes with it.
func TestLimits(t *testing.T) {
	r := start(t, "limits: {requestLine: 100, header: 1KiB, headerFields: 10}\n")
	ask := func(path, field string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, r.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Filler", field)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	r.awaitReady(2)
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		path, field string
		want        int
	}{
		{"/", "", 200},
		{"/?" + long, "", 414},
		{"/", strings.Repeat(long, 6), 431},
	} {
		if got := ask(c.path, c.field); got != c.want {
			t.Errorf("GET %.10s with %d more bytes: %d, want %d", c.path, len(c.field), got, c.want)
		}
	}
	r.reload("limits: {requestLine: 1KiB}\n")
	eventually(t, "the longer request line", func() bool { return ask("/?"+long, "") == 200 })
}

// TestPlan: every limit of the config reaches the proxy, and without one there may
// be as many connections as there are open files for.
func TestPlan(t *testing.T) {
	settings, err := config.Parse("config.yaml", []byte(`
command: [true]
requestTimeout: 7s
limits: {requestLine: 1001, header: 1002, headerFields: 103, chunkLine: 104, headerTimeout: 1s, bodyTimeout: 2s, idleTimeout: 3s, connections: 5}
`), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(settings)
	if err != nil {
		t.Fatal(err)
	}
	want := proxy.Settings{
		RequestTimeout: 7 * time.Second,
		Limits:         http1.Limits{Line: 1001, Head: 1002, Fields: 103, ChunkLine: 104},
		HeadTimeout:    time.Second,
		BodyTimeout:    2 * time.Second,
		IdleTimeout:    3 * time.Second,
		MaxConnections: 5,
	}
	got := p.proxy
	if got.TrustedProxies != nil || got.RequestTimeout != want.RequestTimeout || got.Limits != want.Limits ||
		got.HeadTimeout != want.HeadTimeout || got.BodyTimeout != want.BodyTimeout ||
		got.IdleTimeout != want.IdleTimeout || got.MaxConnections != want.MaxConnections {
		t.Errorf("got %+v, want %+v", got, want)
	}
	settings.Limits.Connections = 0
	if p, err = newPlan(settings); err != nil || p.proxy.MaxConnections != connectionsWithin(openFiles(), 8) {
		t.Errorf("%d connections with %d open files (%v)", p.proxy.MaxConnections, openFiles(), err)
	}
}
