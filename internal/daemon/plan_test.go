package daemon

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// TestPlan: every limit of the config reaches the proxy. Without
// limits.connections, the limit of open files bounds the connections.
func TestPlan(t *testing.T) {
	t.Parallel()
	settings, err := config.Parse("config.yaml", []byte(`
command: [true]
requestTimeout: 7s
underscoreFields: true
status: false
limits: {requestLine: 1001, header: 1002, headerFields: 103, chunkLine: 104, headerTimeout: 1s, bodyTimeout: 2s, idleTimeout: 3s, minRate: 4, connections: 5}
`), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(settings, host{})
	if err != nil {
		t.Fatal(err)
	}
	want := proxy.Settings{
		Limits:         http1.Limits{Line: 1001, Head: 1002, Fields: 103, ChunkLine: 104, Underscores: true},
		HeadTimeout:    time.Second,
		BodyTimeout:    2 * time.Second,
		IdleTimeout:    3 * time.Second,
		MinRate:        4,
		MaxConnections: 5,
	}
	if d := p.apps[config.DefaultApp].Requests.KeepAlive; d != policy.StaleAfter {
		t.Errorf("keepAlive %v by default, want %v", d, policy.StaleAfter)
	}
	got := p.proxy
	if got.TrustedProxies != nil || !got.HideStatus || p.apps[config.DefaultApp].Requests.RequestTimeout != 7*time.Second || got.Limits != want.Limits ||
		got.HeadTimeout != want.HeadTimeout || got.BodyTimeout != want.BodyTimeout ||
		got.IdleTimeout != want.IdleTimeout || got.MinRate != want.MinRate || got.MaxConnections != want.MaxConnections {
		t.Errorf("got %+v, want %+v", got, want)
	}
	settings.KeepAlive = 0
	if p, err = newPlan(settings, host{}); err != nil || p.apps[config.DefaultApp].Requests.KeepAlive >= 0 {
		t.Errorf("keepAlive: 0 keeps connections (%v)", err)
	}
	settings.Limits.Connections, settings.Limits.MinRate = 0, 0
	if p, err = newPlan(settings, host{}); err != nil || p.proxy.MinRate != -1 || p.proxy.MaxConnections != connectionsWithin(openFiles(), 8) {
		t.Errorf("%d connections with %d open files (%v)", p.proxy.MaxConnections, openFiles(), err)
	}
}
