package proxy_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
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
	below := filepath.Join(path, "no-folder")
	if err := f.registry.SetEndpoint(id, registry.Endpoint{Network: "unix", Address: below}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, get(t, client, f.url), 502, "cannot be reached")
	f.recorded(t, 502)
}

// TestUnixSocketGone: an instance whose socket is missing refuses connections, as one
// does whose port is closed. The request goes to another one.
func TestUnixSocketGone(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{filepath.Join(t.TempDir(), "gone"), server(t, echo)}})
	if res := get(t, newClient(t, "http1"), f.url); res.StatusCode != http.StatusOK {
		t.Errorf("got %d", res.StatusCode)
	}
	if state := f.registry.Snapshot().Instances[0].State; state != registry.Unhealthy {
		t.Errorf("the instance is %v, want it unhealthy", state)
	}
}

// TestUnixBacklogFull: when too many connections wait on a Unix socket, the request
// waits until the app accepts. The kernel does not do that by itself, as it does for a
// port.
func TestUnixBacklogFull(t *testing.T) {
	t.Parallel()
	file, path := deafSocket(t)
	f := newProxy(t, setup{instances: []string{path}})
	answers := make(chan int, 1)
	go func() { answers <- get(t, newClient(t, "http1"), f.url).StatusCode }() // ends with the request
	select {
	case code := <-answers:
		t.Fatalf("got %d while the backlog is full", code)
	case <-time.After(300 * time.Millisecond): // connecting fails at once, again and again
	}
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
		if c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		}
	})
	if code := wait(t, answers, "response"); code != http.StatusOK {
		t.Errorf("got %d, want 200", code)
	}
	f.recorded(t, 200)
}

// TestUnixBacklogStaysFull: a request goes to another instance if the first one accepts
// nothing for too long.
func TestUnixBacklogStaysFull(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	_, path := deafSocket(t)
	f := newProxy(t, setup{instances: []string{path, server(t, echo)}})
	seen(t, get(t, newClient(t, "http1"), f.url))
	if took := f.recorded(t, 200).took; took < policy.DialTimeout {
		t.Errorf("it took %v, want %v", took, policy.DialTimeout)
	}
}

// deafSocket listens on a Unix socket whose backlog is full.
func deafSocket(t *testing.T) (file *os.File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file = os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { _ = file.Close() })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		client, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Close(client) })
		if err = syscall.Connect(client, &syscall.SockaddrUnix{Name: path}); errors.Is(err, syscall.EAGAIN) {
			return file, path
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the backlog does not fill")
	return nil, ""
}
