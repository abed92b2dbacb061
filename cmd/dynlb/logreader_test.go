//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// logged is a dynlb process with the demo backend, whose log goes to a pipe.
type logged struct {
	t        *testing.T
	url      string
	basePort int
	cmd      *exec.Cmd
	exited   chan struct{}
	reader   *os.File
}

// serveInto starts dynlb with its log in a pipe that is not read, and full from the
// beginning if full is set. It waits until two instances are ready.
func serveInto(t *testing.T, full bool) *logged {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if full {
		fill(t, writer)
	}
	return serveOn(t, reader, &exec.Cmd{Stderr: writer})
}

// serveOn starts dynlb by cmd, whose Args may begin with another program that starts
// it. Its log goes to the other end of reader.
func serveOn(t *testing.T, reader *os.File, cmd *exec.Cmd) *logged {
	t.Helper()
	p := &logged{t: t, basePort: daemontest.PortRange(t), exited: make(chan struct{}), reader: reader, cmd: cmd}
	public := daemontest.FreeAddress(t)
	p.url = "http://" + public
	file := filepath.Join(t.TempDir(), "config.yaml")
	yaml := daemontest.Complete("listen: "+public, p.basePort)
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Args = append(p.cmd.Args, self, "serve", "--config", file)
	p.cmd.Path = p.cmd.Args[0]
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the tests look at ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		_ = reader.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	p.ready()
	return p
}

// fill writes to a pipe until it is full.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	fd := int(pipe.Fd())
	for _, step := range []bool{true, false} {
		if err := unix.SetNonblock(fd, step); err != nil {
			t.Fatal(err)
		}
		for step {
			if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
				break
			}
		}
	}
}

func (p *logged) status() string {
	response, err := http.Get(p.url + "/lb-status")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func (p *logged) ready() {
	p.t.Helper()
	daemontest.Eventually(p.t, "two healthy instances", func() bool { return strings.Contains(p.status(), `"healthy":2`) })
}

// stop sends SIGTERM and checks that dynlb stops in order.
func (p *logged) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.ends()
}

// ends checks that dynlb stops in order: with exit code 0 and no instance left.
func (p *logged) ends() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(daemontest.Within):
		p.t.Fatalf("dynlb still runs after %v", daemontest.Within)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("exit code %d (%v)", code, p.cmd.ProcessState)
	}
	if left := daemontest.InstancesOn(p.basePort); len(left) > 0 {
		p.t.Errorf("left behind: %v", left)
	}
}

// ask sends a request of half a second and waits until it is in flight. The channel
// has its error.
func (p *logged) ask() <-chan error {
	p.t.Helper()
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get(p.url + "/slow?ms=500")
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", response.StatusCode)
			}
		}
		answered <- err
	}()
	daemontest.Eventually(p.t, "a request in flight", func() bool { return strings.Contains(p.status(), `"activeRequests":1`) })
	return answered
}

// TestLogIsNotRead: dynlb replaces instances, and stops in order, while its log is
// not read.
func TestLogIsNotRead(t *testing.T) {
	t.Parallel()
	p := serveInto(t, true)
	before := daemontest.InstancesOn(p.basePort)
	for _, pid := range before {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	daemontest.Eventually(t, "two others", func() bool {
		now := daemontest.InstancesOn(p.basePort)
		return len(now) >= 2 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
	})
	p.ready()
	p.stop()
}

// TestLogReaderEnds: when the reader of the log has ended, as tee does on Ctrl-C,
// dynlb stops in order, and the request in flight finishes.
func TestLogReaderEnds(t *testing.T) {
	t.Parallel()
	p := serveInto(t, false)
	answered := p.ask()
	if err := p.reader.Close(); err != nil {
		t.Fatal(err)
	}
	p.stop()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// TestFailureIsNotRead: dynlb ends with its exit code even if its error cannot be
// written.
func TestFailureIsNotRead(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "config.yaml")
	yaml := daemontest.Complete("listen: "+taken.Addr().String(), daemontest.PortRange(t))
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(reader, writer *os.File){
		"full": func(_, writer *os.File) { fill(t, writer) },
		"gone": func(reader, _ *os.File) { _ = reader.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			defer writer.Close()
			spoil(reader, writer)
			ctx, cancel := context.WithTimeout(t.Context(), daemontest.Within)
			defer cancel()
			cmd := exec.CommandContext(ctx, self, "serve", "--config", file)
			cmd.Stderr = writer
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d (%v)", code, cmd.ProcessState)
			}
		})
	}
}
