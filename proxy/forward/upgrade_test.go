package forward_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

// TestUpgradeAsked: when the wish to switch protocols reaches the instance.
func TestUpgradeAsked(t *testing.T) {
	t.Parallel()
	const asks = "Connection: upgrade, keep-alive\n"
	for _, c := range []struct{ name, head, asked string }{
		{"websocket", "GET / HTTP/1.1\nHost: a\n" + asks + "Upgrade: WebSocket\n\n", "WebSocket"},
		{"one of a list", "GET / HTTP/1.1\nHost: a\n" + asks + "Upgrade: websocket, foo/2\n\n", "websocket, foo/2"},
		{"a POST without content", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n" + asks + "Upgrade: b\n\n", "b"},
		{"without the connection option", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n", ""},
		{"in HTTP/1.0", "GET / HTTP/1.0\nHost: a\n" + asks + "Upgrade: websocket\n\n", ""},
		{"with content", "POST / HTTP/1.1\nHost: a\nContent-Length: 1\n" + asks + "Upgrade: websocket\n\n", ""},
		{"with chunked content", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n" + asks + "Upgrade: websocket\n\n", ""},
		{"h2c", "GET / HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: x\n\n", ""},
		{"h2c in a list", "GET / HTTP/1.1\nHost: a\n" + asks + "Upgrade: websocket, H2C\n\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head, marks := forward.AppendRequest(nil, parseRequest(t, c.head), forward.Peer{Scheme: "http"})
			got := parseRequest(t, text(head))
			if string(got.Upgrade) != c.asked || marks.Upgrade.IsSet() != (c.asked != "") {
				t.Errorf("the instance is asked for %q, want %q; marks %+v", got.Upgrade, c.asked, marks)
			}
			if c.asked != "" && string(marks.Upgrade.Of(head)) != c.asked {
				t.Errorf("marked is %q, want %q", marks.Upgrade.Of(head), c.asked)
			}
		})
	}
}

// TestSwitches: an instance may choose what the client asked for, and nothing else.
func TestSwitches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, chosen string
		want          bool
	}{
		{"websocket", "websocket", true},
		{"websocket", "WebSocket", true},
		{"websocket, foo", "websocket", true},
		{"websocket,\tfoo/2 ", "FOO/2", true},
		{"websocket, foo", "foo, websocket", true}, // one on top of the other
		{"websocket", "foo", false},
		{"websocket", "websocket, foo", false},
		{"foo/2", "foo", false},
		{"foo", "foo/2", false},
		{"websocket", "websock", false},
		{"", "websocket", false},
	} {
		r := parseResponse(t, "GET", "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: "+c.chosen+"\n\n")
		if got := forward.Switches(r, []byte(c.asked)); got != c.want {
			t.Errorf("asked for %q, chosen %q: %t, want %t", c.asked, c.chosen, got, c.want)
		}
	}
	if forward.Switches(parseResponse(t, "GET", "HTTP/1.1 200 OK\nUpgrade: a\n\n"), []byte("a")) {
		t.Error("a 200 switches")
	}
}

// TestAppendSwitch: a 101 is cleaned as every message is, and has no length.
func TestAppendSwitch(t *testing.T) {
	t.Parallel()
	r := parseResponse(t, "POST", "HTTP/1.1 101 Go on\nDate: b\nupgrade: c/1\nConnection: Upgrade, x\nX: 1\nKeep-Alive: 2\nContent-Length: 0\nSec-WebSocket-Accept: d\n\n")
	const want = "HTTP/1.1 101 Go on\nDate: b\nSec-WebSocket-Accept: d\nConnection: Upgrade\nUpgrade: c/1\n\n"
	if got := text(forward.AppendSwitch(nil, r)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
