package proxy_test

import (
	"bufio"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// socketInstance starts an instance on a Unix socket. It answers with the Host that it
// gets, and counts its connections.
func socketInstance(t *testing.T) (path string, conns *atomic.Int32) {
	t.Helper()
	path, conns = filepath.Join(t.TempDir(), "app.sock"), new(atomic.Int32)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
		conns.Add(1)
		for head := c.Head(); head != nil; head = c.Head() {
			host := ""
			for _, line := range head {
				if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "Host") {
					host = value
				}
			}
			c.Send("HTTP/1.1 200 OK\nX-Host: " + host + "\nContent-Length: 2\n\nok")
		}
	})
	return path, conns
}

// TestUnixEndpoint: an instance may be reached on a Unix socket. Its connections are
// reused. A request that names no host gets one that is no path.
func TestUnixEndpoint(t *testing.T) {
	t.Parallel()
	path, conns := socketInstance(t)
	f := newProxy(t, setup{})
	at := registry.Endpoint{Network: "unix", Address: path}
	f.proxy.TrustEndpoint(at)
	id := f.registry.Add(registry.Spec{Endpoint: at})
	if err := f.registry.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, "http1")
	for range 3 {
		if body := readAll(t, get(t, client, f.url)); body != "ok" {
			t.Errorf("got %q", body)
		}
		f.recorded(t, 200)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections to the instance, want 1", n)
	}
	old := proxytest.Dial(t, f.address)
	old.Send("GET / HTTP/1.0\n\n")
	res, err := http.ReadResponse(bufio.NewReader(old), nil)
	if err != nil {
		t.Fatal(err)
	}
	if host := res.Header.Get("X-Host"); host != "localhost" {
		t.Errorf("the instance got Host %q, want localhost", host)
	}
	f.recorded(t, 200)
	if err := f.registry.SetEndpoint(id, registry.Endpoint{Network: "unix", Address: path + ".gone"}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, get(t, client, f.url), 502, "cannot be reached")
	f.recorded(t, 502)
}
