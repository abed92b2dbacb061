package proxy_test

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// deafAddress returns an address at which connecting takes forever: its backlog
// is full.
func deafAddress(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for range 16 {
		conn, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return address
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the backlog does not fill")
	return ""
}

// TestRetryElsewhereAfterDialTimeout checks that a request does not try an instance
// again that could not be connected to in time, although the instance is idle.
func TestRetryElsewhereAfterDialTimeout(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	f := newProxy(t, setup{instances: []string{deafAddress(t), server(t, echo)}})
	first, err := f.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	occupyOthers(t, first, 50)
	first.Release() // it is idle, the other one busy
	seen(t, get(t, newClient(t, "http1"), f.url))
	if got := f.served(); got[0] != 2 || got[1] != 51 {
		t.Errorf("claims %v, want 2 and 51", got)
	}
	if n := f.registry.Snapshot().Retries; n != 1 {
		t.Errorf("%d retries", n)
	}
}
