package daemon

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hangupDelay bounds how long after a terminal is closed its SIGHUP arrives. The
// kernel sends it to the shell, which passes it on, within milliseconds; one second
// covers a busy machine.
const hangupDelay = time.Second

// terminal is the controlling terminal that the process was started in. A SIGHUP
// that arrives when it is closed means that dynlb stops. A shell that ends may send
// none to its background jobs: then dynlb has outlived the terminal, and a later
// SIGHUP means a reload.
type terminal struct {
	tty  *os.File // never read: input belongs to other programs; closed once outlived
	conn syscall.RawConn
}

// openTerminal returns the terminal, or an error if there is none. The caller calls
// watch, which closes it.
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
	stop := context.AfterFunc(ctx, func() { t.tty.Close() }) // makes Read return
	defer stop()
	if err := t.conn.Read(hungUp); err != nil {
		<-ctx.Done() // it has ended, unless a terminal cannot be polled here, as on macOS
		return
	}
	select {
	case <-time.After(hangupDelay):
		t.tty.Close() // closing returns false from now on
		log.Info("terminal closed, continuing without it")
	case <-ctx.Done():
	}
}

// closing reports whether the terminal is closed and dynlb has not outlived it.
func (t *terminal) closing() bool {
	closed := false
	err := t.conn.Control(func(fd uintptr) { closed = hungUp(fd) })
	return err == nil && closed
}

// hungUp reports whether a terminal no longer belongs to this process. It asks for
// something that a background process may read without being stopped.
func hungUp(fd uintptr) bool {
	_, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP)
	return err != nil
}
