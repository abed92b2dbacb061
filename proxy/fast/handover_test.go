//go:build linux

package fast

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// settingsWith returns the engine's settings with another MaxConnections.
func settingsWith(f *lane, connections int) settings.Settings {
	s := *f.Engine.settings.Load()
	s.MaxConnections = connections
	return s
}

// given is a connection that was handed over.
type given struct {
	net.Conn
	unread []byte
	closed func()
}

// Close closes the connection, and reports it.
func (g given) Close() error {
	defer g.closed()
	return g.Conn.Close()
}

// give is an Options.Handover that puts connections into handed.
func give(handed chan<- given) func(net.Conn, []byte, func()) {
	return func(c net.Conn, unread []byte, closed func()) { handed <- given{c, unread, closed} }
}

// TestHandover: a connection that is not for the engine is handed over with all its
// bytes. Requests that only look like that are carried.
func TestHandover(t *testing.T) {
	t.Parallel()
	handed := make(chan given, 1)
	f := serve(t, Options{Handover: give(handed), StatusPath: "/lb-status"}, server(t, echo))
	for name, c := range map[string]struct{ before, text string }{
		"TLS":               {"", "\x16\x03\x01 and more"},
		"status":            {"", "GET /lb-status HTTP/1.1\nHost: a\n\nand more"},
		"status with query": {"", "GET /lb-status?x HTTP/1.1\nHost: a\n\n"},
		"status, absolute":  {"", "GET http://a/lb-status HTTP/1.1\nHost: a\n\n"},
		"status, later":     {"GET / HTTP/1.1\nHost: a\n\n", "POST /lb-status HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc"},
	} {
		for _, step := range []int{1, 10, 1000} {
			t.Run(name, func(t *testing.T) {
				conn := proxytest.Dial(t, f.address)
				if c.before != "" {
					conn.Send(c.before)
					conn.Response(t)
				}
				text := strings.ReplaceAll(c.text, "\n", "\r\n")
				go func() {
					for b := text; b != ""; b = b[min(step, len(b)):] {
						_, _ = io.WriteString(conn, b[:min(step, len(b))])
					}
				}()
				other := <-handed
				got := make([]byte, len(text))
				if _, err := io.ReadFull(io.MultiReader(bytes.NewReader(other.unread), other), got); err != nil || string(got) != text {
					t.Errorf("got %q, %v, want %q", got, err, text)
				}
				_, _ = io.WriteString(other, "answer\n")
				if line, err := bufio.NewReader(conn).ReadString('\n'); line != "answer\n" {
					t.Errorf("client got %q, %v", line, err)
				}
				if err := other.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for _, target := range []string{"/lb-status/", "/lb-statu", "/LB-status", "/lb%2Dstatus", "//lb-status", "/a?/lb-status"} {
		conn := proxytest.Dial(t, f.address)
		conn.Send("GET " + target + " HTTP/1.1\nHost: a\n\n")
		if code, body := conn.Response(t); code != 200 || body != "GET "+target+" " {
			t.Errorf("%s: %d %q", target, code, body)
		}
	}
}
