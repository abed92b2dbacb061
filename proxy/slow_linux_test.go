package proxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestInstanceThatTakesLittle checks that an instance that takes a little of the
// content at times is not given up, even if it takes less in all of requestTimeout
// than what the kernel calls room, and less than one write.
func TestInstanceThatTakesLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const limit = 20 * soon
	l := narrow(t)
	content := make([]byte, 8<<20) // more than the kernel takes
	proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
		c.Head()
		left := int64(len(content))
		for range 3 * limit / soon { // as long as it takes at most to be given up
			time.Sleep(soon)
			n, _ := io.CopyN(io.Discard, c.R, 600)
			left -= n
		}
		_ = c.Conn.(*net.TCPConn).SetReadBuffer(1 << 20) // it only takes less time
		_, _ = io.CopyN(io.Discard, c.R, left)
		c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
	})
	f := newProxy(t, setup{
		instances: []string{l.Addr().String()},
		timeout:   limit,
	})
	res := do(t, newClient(t, "http1"), newRequest(t, http.MethodPost, f.url, bytes.NewReader(content)))
	readAll(t, res)
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
	f.recorded(t, http.StatusOK)
}

// narrow returns a listener whose connections have the smallest receive buffer: the
// sender learns of each half KiB that was read. With the usual buffer it learns of
// 100 KiB at a time, so that slow progress looks like none for long.
func narrow(t *testing.T) net.Listener {
	t.Helper()
	l := proxytest.Listen(t)
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	controlled := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 0)
	})
	if err := errors.Join(controlled, err); err != nil {
		t.Fatal(err)
	}
	return l
}
