//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// newTerminal returns both ends of a pseudo-terminal: that of the terminal emulator,
// and that of programs.
func newTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

// hangupByDefault gives processes that the test starts the default disposition of
// SIGHUP, also when the test itself was started with it ignored, as nohup does: a
// child inherits an ignored signal, while a handled one becomes the default.
func hangupByDefault(t *testing.T) {
	t.Helper()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(signals) })
}

// scanFor returns the next line of a log with the given text.
func scanFor(t *testing.T, log *bufio.Scanner, text string) string {
	t.Helper()
	for log.Scan() {
		if strings.Contains(log.Text(), text) {
			return log.Text()
		}
	}
	t.Fatalf("the log ended without %q (%v)", text, log.Err())
	return ""
}

// TestTerminalIsClosed: dynlb stops in order when its terminal is closed, however many
// SIGHUP it gets. As long as the terminal exists, SIGHUP reloads the config.
func TestTerminalIsClosed(t *testing.T) {
	t.Parallel()
	hangupByDefault(t)
	master, terminal := newTerminal(t)
	defer terminal.Close()
	p := serveOn(t, master, &exec.Cmd{
		Stdin: terminal, Stdout: terminal, Stderr: terminal,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	})
	_ = terminal.Close() // only dynlb has it now
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	scanFor(t, bufio.NewScanner(master), "config reloaded")
	p.ready()
	answered := p.ask()
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // a shell sends further ones
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	p.ends()
}

// TestTerminalIsOutlived: dynlb continues if its shell has left it in the background
// and the terminal is closed. SIGHUP then reloads the config.
func TestTerminalIsOutlived(t *testing.T) {
	t.Parallel()
	hangupByDefault(t)
	master, terminal := newTerminal(t)
	defer terminal.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	p := serveOn(t, reader, &exec.Cmd{
		Args:  []string{"/bin/sh", "-c", `set -m; "$@" & echo "pid $!" >&2; wait`, "sh"},
		Stdin: terminal, Stdout: terminal, Stderr: writer,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	})
	_, _ = terminal.Close(), writer.Close() // only the shell and dynlb have them now
	if err := reader.SetReadDeadline(time.Now().Add(daemontest.Within)); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewScanner(reader)
	said := func(what string) string {
		t.Helper()
		return scanFor(t, log, what)
	}
	var pid int
	if _, err := fmt.Sscanf(said("pid "), "pid %d", &pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGHUP)
	said("config reloaded")

	_ = p.cmd.Process.Kill() // it sends no SIGHUP to its jobs
	<-p.exited
	_ = master.Close()
	said("terminal closed, continuing without it")
	for range 2 {
		signal(syscall.SIGHUP)
		said("config reloaded")
	}
	p.ready()
	signal(syscall.SIGTERM)
	said(`"stopped"`)
	for log.Scan() { // until no process has the pipe
	}
	if log.Err() != nil {
		t.Error(log.Err())
	}
}
