package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// manager is the part of systemd that reads the reports of a service of Type=notify, with
// NotifyAccess=main: of the main process only.
type manager struct {
	t    *testing.T
	path string // of NOTIFY_SOCKET

	mu      sync.Mutex
	reports []string
	senders map[int]bool
}

// newManager starts one, until the test ends.
func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t: t, path: filepath.Join(t.TempDir(), "notify"), senders: map[int]bool{}}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	done := make(chan struct{})
	go func() { // ends with c
		defer close(done)
		m.read(c)
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return m
}

// read reads reports until the socket is closed.
func (m *manager) read(c *net.UnixConn) {
	text, control := make([]byte, 4096), make([]byte, 256)
	for {
		n, size, _, _, err := c.ReadMsgUnix(text, control)
		if err != nil {
			return
		}
		sender := 0
		if messages, err := syscall.ParseSocketControlMessage(control[:size]); err == nil && len(messages) == 1 {
			if who, err := syscall.ParseUnixCredentials(&messages[0]); err == nil {
				sender = int(who.Pid)
			}
		}
		m.mu.Lock()
		m.reports = append(m.reports, string(text[:n]))
		m.senders[sender] = true
		m.mu.Unlock()
	}
}

// count returns how many reports begin with a line.
func (m *manager) count(line string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, report := range m.reports {
		if strings.HasPrefix(report, line) {
			n++
		}
	}
	return n
}

// await waits until n reports begin with a line.
func (m *manager) await(line string, n int) {
	m.t.Helper()
	daemontest.Eventually(m.t, fmt.Sprintf("%d reports of %s", n, line), func() bool { return m.count(line) >= n })
}

// TestServiceOverUpgrades: what a package does to a service of Type=notify. The file of dynlb
// is replaced; systemctl reload (SIGHUP, as the unit says) reads the config and stays with the
// binary, SIGUSR2 goes over to the new one. systemd sees one main process, which is ready and
// alive all the time, and that stops at the end.
func TestServiceOverUpgrades(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	m, installed := newManager(t), anotherBuild(t)
	program := fmt.Sprintf(`exec %s "$@"`, installed)
	p := spawnBy(t, []string{"env", "NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=400000", "sh", "-c", program}, "drainDelay: 0\n")
	m.await("READY=1\n", 1)
	if err := os.Rename(anotherBuild(t), installed); err != nil {
		t.Fatal(err)
	}
	programOf := func(pid int) string {
		name, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return name
	}
	first := p.commands("worker")[0]
	load := daemontest.StartLoad(t, 2, p.url, "/")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.await("RELOADING=1\n", 1)
	m.await("READY=1\n", 2)
	if now := p.commands("worker"); len(now) != 1 || now[0] != first {
		t.Errorf("workers %v after a reload, before %d", now, first)
	}
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	m.await("READY=1\n", 3)
	daemontest.Eventually(t, "one worker", func() bool { return len(p.commands("worker")) == 1 })
	if now := programOf(p.commands("worker")[0]); now != installed {
		t.Errorf("the worker is of %s, want %s", now, installed)
	}
	m.await("WATCHDOG=1", m.count("WATCHDOG=1")+2)
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.await("RELOADING=1\n", 2)
	m.await("READY=1\n", 4)
	load.Stop()
	for _, line := range []string{"STOPPING=1", "MAINPID="} {
		if n := m.count(line); n > 0 {
			t.Errorf("%d reports of %s", n, line)
		}
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.await("STOPPING=1\n", 1)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.senders) != 1 || !m.senders[p.Process.Pid] {
		t.Errorf("the processes %v have reported, want %d only", m.senders, p.Process.Pid)
	}
}

// TestUpgradeSignal: a single process says that SIGUSR2 cannot upgrade it.
func TestUpgradeSignal(t *testing.T) {
	t.Parallel()
	p := spawn(t, "drainDelay: 0\n", "--no-keeper")
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the line in the log", func() bool { return strings.Contains(p.log.String(), "SIGUSR2 ignored") })
}
