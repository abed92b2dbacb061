package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// reports reads what dynlb reports to systemd, until one has a line.
func reports(t *testing.T, c *net.UnixConn, line string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(daemontest.Within)); err != nil {
		t.Fatal(err)
	}
	for text := make([]byte, 4096); ; {
		n, err := c.Read(text)
		if err != nil {
			t.Fatalf("no report has %s: %v", line, err)
		}
		if strings.HasPrefix(string(text[:n]), line) {
			return
		}
	}
}

// TestNotify: a service of Type=notify is ready, alive, reloading, ready again and
// stopping, and its instances cannot report in its name.
func TestNotify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p := spawnBy(t, []string{"env", "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=200000"}, "drainDelay: 0")
	reports(t, c, "READY=1\nSTATUS=serving on 127.0.0.1:")
	reports(t, c, "WATCHDOG=1")
	for _, pid := range daemontest.InstancesOn(p.basePort) {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || strings.Contains(string(environ), "NOTIFY_SOCKET=") || strings.Contains(string(environ), "WATCHDOG_") {
			t.Errorf("instance %d: %v, environment %q", pid, err, environ)
		}
	}
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	reports(t, c, "RELOADING=1\n")
	reports(t, c, "READY=1\n")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	reports(t, c, "STOPPING=1\n")
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestInheritedSocket: dynlb serves on the socket that systemd listens on. Connections
// before and after it wait: none is refused.
func TestInheritedSocket(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The shell replaces itself, so LISTEN_PID is the pid of dynlb.
	starter := []string{"sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`}
	p := spawnWith(t, []*os.File{f}, starter, "listen: "+l.Addr().String())
	if want := "http://" + l.Addr().String(); p.url != want {
		t.Errorf("serves on %s, want %s", p.url, want)
	}
}
