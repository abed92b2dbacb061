package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// pty is a program on a terminal of its own.
type pty struct {
	master, slave *os.File
	cmd           *exec.Cmd
	screen        daemontest.Buffer
	columns       uint16
	before        *unix.Termios
	ended         chan error
}

// startOnPTY starts a command line of dynlb on a new terminal.
func startOnPTY(t *testing.T, args ...string) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals: %v", err)
	}
	var n int
	control(t, master, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		}
		return err
	})
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pty{master: master, slave: slave, columns: 120, ended: make(chan error, 1)}
	p.resize(t)
	p.before = p.termios(t)
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }() // ends with the program
	read := make(chan struct{})
	go func() { // ends with the terminal
		defer close(read)
		buffer := make([]byte, 1<<16)
		for {
			n, err := master.Read(buffer)
			_, _ = p.screen.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = slave.Close()
		_ = master.Close()
		<-read
		if t.Failed() {
			text := p.screen.String()
			t.Logf("the end of the screen:\n%q", text[max(0, len(text)-4000):])
		}
	})
	return p
}

// resize makes the terminal a column wider or narrower, which has a program draw all of it.
func (p *pty) resize(t *testing.T) {
	t.Helper()
	p.columns ^= 1
	control(t, p.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: p.columns})
	})
}

// termios returns the settings of the terminal.
func (p *pty) termios(t *testing.T) (now *unix.Termios) {
	t.Helper()
	control(t, p.slave, func(fd int) (err error) {
		now, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return now
}

// control calls do with the descriptor of a file, which stays in the poller: Close then
// ends a Read.
func control(t *testing.T, f *os.File, do func(fd int) error) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = do(int(fd)) }); err != nil || failure != nil {
		t.Fatal(err, failure)
	}
}

// press types keys, has the screen drawn as a whole, and waits for a text on it.
func (p *pty) press(t *testing.T, keys, want string) {
	t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
	from := len(p.screen.String())
	daemontest.Eventually(t, fmt.Sprintf("%q after %q", want, keys), func() bool {
		if strings.Contains(p.screen.String()[from:], want) {
			return true
		}
		p.resize(t)
		return false
	})
}

// TestTopOnTerminal: top draws on a terminal, sorts, selects, shows a log, and leaves the
// terminal as it was.
func TestTopOnTerminal(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	p := startOnPTY(t, "top", "--admin", r.Admin)
	ids := []string{r.Pool().GetInstances()[0].GetId()[:8], r.Pool().GetInstances()[1].GetId()[:8]}
	p.press(t, "", "2 ready of 2")
	p.press(t, "", "▾AGE")
	p.press(t, "ssss", "▾INSTANCE") // past the last column
	first, second := min(ids[0], ids[1]), max(ids[0], ids[1])
	p.press(t, "g", "▸ "+first)
	p.press(t, "\x1b[B", "▸ "+second)
	p.press(t, "\r", "log of "+second)
	p.press(t, "e", "none is known")
	p.press(t, "?", "Keys of dynlb top")
	if _, err := p.master.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("top: %v", err)
	}
	if after := p.termios(t); *after != *p.before {
		t.Errorf("the terminal is %+v; it was %+v", after, p.before)
	}
	for name, code := range map[string]string{"leaves the alternate screen": "\x1b[?1049l", "shows the cursor": "\x1b[?25h"} {
		daemontest.Eventually(t, name, func() bool { return strings.Contains(p.screen.String(), code) })
	}
}

// TestTopHangup: top ends with its terminal.
func TestTopHangup(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	p := startOnPTY(t, "top", "--admin", r.Admin)
	p.press(t, "", "1 ready of 1")
	_ = p.slave.Close()
	_ = p.master.Close() // the kernel sends SIGHUP to top, which leads the session
	if err := <-p.ended; err != nil {
		t.Errorf("top: %v", err)
	}
}

// TestTopPlain: without a terminal top prints text, as often as it is told to.
func TestTopPlain(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	code, stdout, stderr := cli(t, "top", "-n", "2", "--interval", "10ms", "--admin", r.Admin)
	if code != exitDone || strings.Count(stdout, "1 ready of 1") != 2 || strings.Count(stdout, "INSTANCE") != 2 || strings.Contains(stdout, "\x1b") {
		t.Errorf("%d\n%s%s", code, stdout, stderr)
	}
	for _, args := range [][]string{{"top", "none"}, {"top", "-n", "0"}, {"top", "a", "b"}} {
		if code, _, stderr := cli(t, append(args, "--admin", r.Admin)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}
