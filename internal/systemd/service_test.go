package systemd

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// manager returns the socket on which systemd would read reports.
func manager(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, path
}

// next returns the next report.
func next(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := c.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

// TestReports: each state reaches systemd, and the instances do not get its variables.
func TestReports(t *testing.T) {
	c, path := manager(t)
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	s, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variables {
		if v, ok := os.LookupEnv(name); ok {
			t.Errorf("%s=%s is left in the environment", name, v)
		}
	}
	if got, want := s.Interval(), 1500*time.Millisecond; got != want {
		t.Errorf("interval %v, want %v", got, want)
	}
	for _, test := range []struct {
		report func() error
		want   string
	}{
		{func() error { return s.Ready("serving on :4000") }, "^READY=1\nSTATUS=serving on :4000$"},
		{s.Alive, "^WATCHDOG=1$"},
		{s.Reloading, "^RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=reloading the config$"},
		{s.Stopping, "^STOPPING=1\nSTATUS=finishing the requests in flight$"},
	} {
		if err := test.report(); err != nil {
			t.Fatal(err)
		}
		if got := next(t, c); !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestWithoutSystemd: a process that systemd has not started has no Service, and the
// methods of that do nothing.
func TestWithoutSystemd(t *testing.T) {
	for _, name := range variables {
		t.Setenv(name, "")
	}
	s, err := FromEnvironment()
	if s != nil || err != nil {
		t.Errorf("got %v, %v", s, err)
	}
	if s.Ready("") != nil || s.Interval() != 0 || s.Listener(nil) != nil || s.CloseListeners() != nil {
		t.Error("a nil Service does something")
	}
}

// TestReportToNoReader: a manager that does not read delays a report for writeTimeout at
// most, and the report says that it was lost.
func TestReportToNoReader(t *testing.T) {
	c, path := manager(t)
	if err := c.SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	s := &Service{socket: path}
	for range 10_000 { // the kernel keeps a few reports
		if err := s.Alive(); err != nil {
			return
		}
	}
	t.Error("10,000 reports that nothing reads were written")
}

func TestWatchdogOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "7", 30 * time.Second},
		{"30000000", "", 30 * time.Second},
		{"30000000", "8", 0}, // another process
		{"", "7", 0},
		{"-1", "7", 0},
		{"soon", "7", 0},
	} {
		env := map[string]string{"WATCHDOG_USEC": test.usec, "WATCHDOG_PID": test.pid}
		if got := watchdogOf(func(name string) string { return env[name] }, 7); got != test.want {
			t.Errorf("watchdog of %+v: %v, want %v", env, got, test.want)
		}
	}
}

// TestListeners: an inherited socket is found once, the others are closed, and a socket
// that does not listen is an error.
func TestListeners(t *testing.T) {
	t.Parallel()
	var files []*os.File
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		files, addresses = append(files, f), append(addresses, l.Addr().String())
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	all, err := listenersOf(append(files, pipe))
	if err == nil {
		t.Error("a pipe is no error")
	}
	s := &Service{listeners: all}
	second := func(l net.Listener) bool { return l.Addr().String() == addresses[1] }
	l := s.Listener(second)
	if l == nil {
		t.Fatal("the second socket is not found")
	}
	defer l.Close()
	if s.Listener(second) != nil {
		t.Error("a socket is given twice")
	}
	if left := s.CloseListeners(); len(left) != 1 || left[0] != addresses[0] {
		t.Errorf("left: %v, want %s", left, addresses[0])
	}
}
