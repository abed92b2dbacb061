package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dynlb is a dynlb process of its own.
type dynlbProcess struct {
	*exec.Cmd
	t        *testing.T
	url      string
	basePort int
	file     string        // the config
	exited   chan struct{} // closed when it has been waited for
	log      *safeBuffer
}

// spawn starts `dynlb serve` over the Bun app as a process, and waits until two
// instances are ready.
func spawn(t *testing.T, extra string, flags ...string) *dynlbProcess {
	t.Helper()
	withBun(t)
	p := &dynlbProcess{t: t, basePort: portRange(), exited: make(chan struct{}), log: &safeBuffer{}}
	p.file = filepath.Join(t.TempDir(), "config.yaml")
	p.write(extra)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.Cmd = exec.Command(self, append([]string{"serve", "--config", p.file}, flags...)...)
	p.Env = append(os.Environ(), asDynlb+"=1")
	output, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	listen := make(chan string, 1)
	go func() {
		defer close(listen)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			_, _ = fmt.Fprintln(p.log, lines.Text())
			var entry struct{ Msg, Listen string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "serving" {
				listen <- entry.Listen
			}
		}
		_ = p.Wait() // the tests look at ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		for range listen {
		}
		<-p.exited
		if t.Failed() {
			t.Logf("log:\n%s", p.log.String())
		}
	})
	p.url = "http://" + <-listen
	eventually(t, "two healthy instances", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Contains(string(body), `"healthy":2`)
	})
	if got := len(instancesOn(p.basePort)); got < 2 {
		t.Fatalf("%d processes on the ports, want 2", got)
	}
	return p
}

// write replaces the config file, as an editor does.
func (p *dynlbProcess) write(extra string) {
	p.t.Helper()
	settings := fmt.Sprintf("location: %s\n%s", bunApp(p.t), extra)
	if !strings.Contains(extra, "listen:") {
		settings += listenAnywhere(p.basePort)
	}
	next := p.file + "~"
	if err := os.WriteFile(next, []byte(settings), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(next, p.file); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits until the process is gone and returns its exit code.
func (p *dynlbProcess) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("dynlb still runs after %v", within)
		return 0
	}
}

// guard returns the pid of its guard.
func (p *dynlbProcess) guard() int {
	p.t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Process.Pid)) // the pattern is good
	for _, file := range files {
		children, _ := os.ReadFile(file)
		for child := range strings.FieldsSeq(string(children)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if strings.HasSuffix(string(line), "\x00guard\x00") {
				pid, _ := strconv.Atoi(child)
				return pid
			}
		}
	}
	p.t.Fatal("there is no guard")
	return 0
}

// zombie reports whether a process has exited, and only waits to be reaped.
func zombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Contains(string(stat), ") Z ")
}

func (p *dynlbProcess) nothingLeft() {
	p.t.Helper()
	eventually(p.t, "no instance left", func() bool { return len(instancesOn(p.basePort)) == 0 })
	http.DefaultClient.CloseIdleConnections()
}

// TestSIGTERM: the request in flight finishes, dynlb exits with 0, and no process
// is left.
func TestSIGTERM(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := spawn(t, "")
			type answer struct {
				status int
				err    error
			}
			answered := make(chan answer, 1)
			go func() {
				response, err := http.Get(p.url + "/slow?ms=500")
				if err != nil {
					answered <- answer{err: err}
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				answered <- answer{response.StatusCode, err}
			}()
			eventually(t, "a request in flight", func() bool {
				response, err := http.Get(p.url + "/lb-status")
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				return strings.Contains(string(body), `"activeRequests":1`)
			})
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if a := <-answered; a.err != nil || a.status != http.StatusOK {
				t.Errorf("the request in flight: %+v", a)
			}
			if code := p.exit(); code != exitDone {
				t.Errorf("exit code %d", code)
			}
			if left := instancesOn(p.basePort); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			p.nothingLeft()
		})
	}
}

// TestSecondSignalIsImmediate: with a request in flight that would take half a
// minute, the first signal waits and the second does not.
func TestSecondSignalIsImmediate(t *testing.T) {
	p := spawn(t, "")
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		response, err := http.Get(p.url + "/slow?ms=30000")
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}()
	eventually(t, "a request in flight", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Contains(string(body), `"activeRequests":1`)
	})
	for _, want := range []string{"shutting down", "ends at once"} {
		before := strings.Count(p.log.String(), "signal received")
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, want, func() bool {
			return strings.Count(p.log.String(), "signal received") > before
		})
	}
	begun := time.Now()
	p.exit()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %v after the second signal", took)
	}
	<-cut
	p.nothingLeft()
}

// TestSIGKILL: not even a dynlb that cannot say goodbye leaves a process.
func TestSIGKILL(t *testing.T) {
	p := spawn(t, "")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
}

// TestSIGKILLWithGrandchildren: the guard kills what instances have started in
// sessions of their own, and does not stay either.
func TestSIGKILLWithGrandchildren(t *testing.T) {
	p := spawn(t, `command: [sh, -c, 'setsid sh -c "sleep 1000; :" x --port "$1" & exec bun run "$0" --port "$1"', "{location}", "{port}"]`)
	eventually(t, "two instances and two grandchildren", func() bool { return len(instancesOn(p.basePort)) == 4 })
	guard := p.guard()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
	eventually(t, "the guard gone too", func() bool { return syscall.Kill(guard, 0) != nil || zombie(guard) })
}
