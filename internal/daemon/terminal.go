package daemon

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangupTime is how soon the SIGHUP of a terminal that was closed comes. The kernel
// sends it to the shell, which passes it on, in milliseconds; a second is for a
// machine that has much else to do.
const hangupTime = time.Second

// terminal is the controlling terminal that the process was started in. A SIGHUP
// that comes when it is closed means that dynlb is to end with it. But a shell that
// ends may send none to its background jobs: then dynlb outlives the terminal, and
// a later one is not about that.
type terminal struct {
	tty  *os.File // never read from: what is typed is for others; closed when it was outlived
	conn syscall.RawConn
}

// openTerminal returns the terminal; an error says that there is none. The caller
// has watch called, which also closes it.
func openTerminal() (*terminal, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	conn, err := tty.SyscallConn()
	if err != nil {
		tty.Close()
		return nil, err
	}
	return &terminal{tty: tty, conn: conn}, nil
}

// watch waits until dynlb has outlived the terminal, or ctx ends.
func (t *terminal) watch(ctx context.Context, log *slog.Logger) {
	defer t.tty.Close()
	stop := context.AfterFunc(ctx, func() { t.tty.Close() }) // so that Read returns
	defer stop()
	if err := t.conn.Read(hungUp); err != nil {
		<-ctx.Done() // it has ended; but where a terminal cannot be polled, as on macOS, it has not
		return
	}
	select {
	case <-time.After(hangupTime):
		t.tty.Close() // from here on closing says no
		log.Info("terminal closed, going on without it")
	case <-ctx.Done():
	}
}

// closing reports whether the terminal is closed, and was not outlived.
func (t *terminal) closing() bool {
	closed := false
	err := t.conn.Control(func(fd uintptr) { closed = hungUp(fd) })
	return err == nil && closed
}

// hungUp reports whether a terminal is no longer that of this process. It asks for
// what a process in the background may know, too, without being stopped for it.
func hungUp(fd uintptr) bool {
	_, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err != nil
}
