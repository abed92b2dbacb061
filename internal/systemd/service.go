// Package systemd is the protocol between systemd and a service: the state that the
// service reports (sd_notify(3)), the watchdog (sd_watchdog_enabled(3)), and the listening
// sockets that it inherits (sd_listen_fds(3)). It also writes the unit of dynlb.
//
// The protocol is a datagram of lines to a socket and a few variables of the environment,
// so the package needs no library. A report has a deadline: a socket that is not read must
// not stop dynlb.
package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writeTimeout bounds a report.
const writeTimeout = time.Second

// variables are those of the environment by which systemd speaks to one process. The
// processes that this one starts must not have them: their reports would count as its own.
var variables = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}

// Service is this process as a service of systemd. A nil Service is a process that runs
// without systemd: its methods do nothing.
type Service struct {
	send      func(lines ...string) error // has another process report; nil: this one does
	socket    string                      // of NOTIFY_SOCKET; empty: systemd expects no reports
	watchdog  time.Duration               // within which systemd expects a sign of life; 0: it expects none
	listeners []net.Listener
}

// FromEnvironment returns what systemd has given to this process, and takes it out of the
// environment. It is nil when systemd has given nothing. The error says which inherited
// socket cannot be used; the Service is complete apart from it.
func FromEnvironment() (*Service, error) {
	s := &Service{socket: os.Getenv("NOTIFY_SOCKET"), watchdog: watchdogOf(os.Getenv, os.Getpid())}
	var sockets []*os.File
	for _, fd := range inherited(os.Getenv, os.Getpid()) {
		sockets = append(sockets, os.NewFile(uintptr(fd), "socket "+strconv.Itoa(fd)+" of systemd"))
	}
	for _, name := range variables {
		_ = os.Unsetenv(name) // it fails for invalid names only
	}
	var err error
	s.listeners, err = listenersOf(sockets)
	if s.socket == "" && s.listeners == nil && err == nil {
		return nil, nil
	}
	return s, err
}

// Inherit is FromEnvironment for a process that passes the sockets on: they are returned
// as descriptors.
func Inherit() (*Service, []int) {
	s := &Service{socket: os.Getenv("NOTIFY_SOCKET"), watchdog: watchdogOf(os.Getenv, os.Getpid())}
	sockets := inherited(os.Getenv, os.Getpid())
	for _, name := range variables {
		_ = os.Unsetenv(name) // it fails for invalid names only
	}
	if s.socket == "" {
		return nil, sockets
	}
	return s, sockets
}

// Through returns a service whose reports another process sends, which is the main process
// of the service. watchdog is that of the other process.
func Through(send func(lines ...string) error, watchdog time.Duration) *Service {
	return &Service{send: send, watchdog: watchdog}
}

// Reports says whether systemd expects reports.
func (s *Service) Reports() bool { return s != nil && (s.socket != "" || s.send != nil) }

// Watchdog returns the time within which systemd expects a sign of life. 0: it expects
// none.
func (s *Service) Watchdog() time.Duration {
	if s == nil {
		return 0
	}
	return s.watchdog
}

// watchdogOf returns the interval of the watchdog of the process pid, 0 if it has none.
func watchdogOf(getenv func(string) string, pid int) time.Duration {
	if p := getenv("WATCHDOG_PID"); p != "" && p != strconv.Itoa(pid) {
		return 0 // for another process
	}
	n, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// Ready reports that the service has started, or that a reload has ended. text describes
// the state, for `systemctl status`.
func (s *Service) Ready(text string) error {
	return s.report("READY=1", "STATUS="+text)
}

// Reloading reports that a reload has begun. Ready ends it.
func (s *Service) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return os.NewSyscallError("clock_gettime", err)
	}
	// Type=notify-reload compares the clock with that of its signal.
	return s.report("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/int64(time.Microsecond), 10), "STATUS=reloading the config")
}

// Stopping reports that the service has begun to stop.
func (s *Service) Stopping() error {
	return s.report("STOPPING=1", "STATUS=finishing the requests in flight")
}

// Alive reports that the service is not stuck. systemd expects it within its watchdog
// interval; see Interval.
func (s *Service) Alive() error { return s.report("WATCHDOG=1") }

// Interval returns the time between two calls of Alive: half of the time within which
// systemd expects one. 0: it expects none.
func (s *Service) Interval() time.Duration {
	if !s.Reports() {
		return 0
	}
	return s.watchdog / 2
}

// report sends lines to systemd, or has them sent.
func (s *Service) report(lines ...string) error {
	if s != nil && s.send != nil {
		return s.send(lines...)
	}
	return s.Report(lines...)
}

// Report sends lines of the protocol to systemd.
func (s *Service) Report(lines ...string) error {
	if s == nil || s.socket == "" {
		return nil
	}
	deadline := time.Now().Add(writeTimeout)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	var dialer net.Dialer
	// A name that begins with @ is one of the abstract namespace, also for net.
	c, err := dialer.DialContext(ctx, "unixgram", s.socket)
	if err != nil {
		return err
	}
	_ = c.SetWriteDeadline(deadline) // a connection that is open takes it
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	return errors.Join(err, c.Close())
}

// firstInherited is the number of the first inherited descriptor (SD_LISTEN_FDS_START).
const firstInherited = 3

// inherited returns the descriptors that systemd has given to the process pid.
func inherited(getenv func(string) string, pid int) (fds []int) {
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return nil
	}
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		syscall.CloseOnExec(fd)
		fds = append(fds, fd)
	}
	return fds
}
