package policy

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestPeers: each network has one line, whose level tells a likely proxy from a client,
// and there are only so many.
func TestPeers(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, nil))
	var p Peers
	for _, peer := range []string{"10.0.0.1", "10.0.0.2", "1.2.3.4", "2001:db8::1", "2001:db8::2", "", "x"} {
		p.Replaced(log, peer)
		p.Headless(log, peer, errors.New("cause"))
	}
	got := text.String()
	for want, n := range map[string]int{
		"level=WARN msg=\"forwarded": 1, "level=INFO msg=\"forwarded": 2, "network=2001:db8::/64": 2, "trustedProxies": 3, "proxyProtocol": 3, "cause=cause": 3,
	} {
		if strings.Count(got, want) != n {
			t.Errorf("%d times %q, want %d:\n%s", strings.Count(got, want), want, n, got)
		}
	}
	for i := range 2 * maxNetworks {
		p.Replaced(log, fmt.Sprintf("10.1.%d.1", i))
	}
	if n := strings.Count(text.String(), "trustedProxies"); n != maxNetworks {
		t.Errorf("%d lines, want %d", n, maxNetworks)
	}
}
