package proxy_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestLanesAlike checks that the instance and the client get the same bytes from both
// engines.
func TestLanesAlike(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nContent-Length: 2\n\nok"
	for name, c := range map[string]struct{ request, response string }{
		"plain":          {"GET /a?b HTTP/1.1\nHost: a\nUser-Agent: x\nAccept: */*\nConnection: close\n\n", ok},
		"forwarded":      {"GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\nx-forwarded-for: 2.2.2.2\nX-Forwarded-Proto: https\nX-Forwarded-Port: 1\nX-Real-IP: 3\nForwarded: for=4\nX_F: 1\nConnection: close\n\n", ok},
		"hop by hop":     {"GET / HTTP/1.1\nHost: a\nConnection: close, x-a, Host\nX-A: 1\nTE: trailers\nKeep-Alive: 1\nProxy-Connection: y\n\n", ok},
		"old":            {"GET / HTTP/1.0\n\n", "HTTP/1.1 200 OK\nDate: x\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n"},
		"old kept":       {"GET / HTTP/1.0\nHost: a\nConnection: keep-alive\n\nGET / HTTP/1.0\n\n", ok},
		"content":        {"POST / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 3\n\nabc", ok},
		"no content":     {"POST / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 0\n\n", ok},
		"204":            {"DELETE / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 204 No Content\nDate: x\nX: y\n\n"},
		"304":            {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 304 Not Modified\nDate: x\nETag: \"y\"\n\n"},
		"304, length":    {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 304 Not Modified\nDate: x\nContent-Length: 7\n\n"},
		"HEAD":           {"HEAD / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 OK\nDate: x\nContent-Length: 7\n\n"},
		"until close":    {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.0 200 OK\nDate: x\nServer: y\n\nall"},
		"chunks":         {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 OK\nDate: x\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n3;x\nabc\n0\nX-Sum: 6\n\n"},
		"interim":        {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 103 Early Hints\nLink: x\n\n" + ok},
		"response's own": {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 OK\nDate: x\nConnection: x-b\nX-B: 1\nKeep-Alive: timeout=5\nSet-Cookie: a\nSet-Cookie: b\nContent-Length: 2\n\nok"},
		"fault":          {"TRACE / HTTP/1.1\nHost: a\nConnection: close\n\n", ""},
		"fault, kept":    {"TRACE / HTTP/1.1\nHost: a\n\nTRACE / HTTP/1.1\nHost: a\nConnection: close\n\n", ""},
		"refusal":        {"GET / HTTP/1.1\n\n", ""},
		"CONNECT":        {"CONNECT a:1 HTTP/1.1\nHost: a:1\n\n", ""},
		"bad response":   {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 what\n\n"},
		"tunnel":         {"GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n", "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: x\n\nhello"},
	} {
		for kind, trusted := range map[string][]netip.Prefix{"": nil, ", trusted": {netip.MustParsePrefix("127.0.0.0/8")}} {
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				var sides [2][2]string
				for i, engine := range []proxy.Engine{proxy.EngineStd, proxy.EngineFast} {
					sides[i][0], sides[i][1] = relayed(t, engine, trusted, c.request, c.response)
				}
				for i, who := range []string{"instance", "client"} {
					if sides[0][i] != sides[1][i] {
						t.Errorf("on std the %s got\n%s\nand on fast\n%s", who, sides[0][i], sides[1][i])
					}
				}
			})
		}
	}
}

// relayed sends a request, which the instance answers so, and returns what both
// got.
func relayed(t *testing.T, engine proxy.Engine, trusted []netip.Prefix, request, response string) (instance, client string) {
	heads := make(chan string, 8)
	f := newProxy(t, setup{
		options: proxy.Options{Engine: engine, Settings: proxy.Settings{TrustedProxies: trusted}},
		instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
			for head := c.Head(); head != nil; head = c.Head() {
				heads <- strings.Join(head, "\n")
				c.Send(response)
				if strings.HasPrefix(response, "HTTP/1.0") || strings.Contains(response, "101") {
					return
				}
			}
		})},
	})
	c := proxytest.Dial(t, f.address)
	c.Send(request)
	client = c.Rest()
	select {
	case instance = <-heads:
	default:
	}
	return alike(instance), alike(client)
}

var (
	anyDate = regexp.MustCompile(`(?i)date: \w{3}, \d\d \w{3} 20.*`)
	anyPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// alike replaces what differs from one call to the next.
func alike(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return anyPort.ReplaceAllString(anyDate.ReplaceAllString(text, "date: now"), "instance")
}
