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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// dynlbProcess is dynlb as a process of its own.
type dynlbProcess struct {
	*exec.Cmd
	t        *testing.T
	url      string
	basePort int
	file     string        // the config
	exited   chan struct{} // closed when its end was awaited
	log      *daemontest.Buffer
}

// spawn starts `dynlb serve` with the Bun app as a process, and waits until two
// instances are ready.
func spawn(t *testing.T, extra string, flags ...string) *dynlbProcess {
	t.Helper()
	return spawnBy(t, nil, extra, flags...)
}

// spawnBy is spawn with a command line before that of dynlb: a program that starts it.
func spawnBy(t *testing.T, starter []string, extra string, flags ...string) *dynlbProcess {
	t.Helper()
	return spawnWith(t, nil, starter, extra, flags...)
}

// spawnWith is spawnBy with files that the starter inherits, from descriptor 3 on.
func spawnWith(t *testing.T, files []*os.File, starter []string, extra string, flags ...string) *dynlbProcess {
	t.Helper()
	p := &dynlbProcess{t: t, basePort: daemontest.PortRange(t), exited: make(chan struct{}), log: &daemontest.Buffer{}}
	p.file = filepath.Join(t.TempDir(), "config.yaml")
	p.write(extra)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("DYNLB_TEST_KEEPER") == "off" {
		flags = append(slices.Clone(flags), "--no-keeper")
	}
	argv := slices.Concat(starter, []string{self, "serve", "--config", p.file}, flags)
	p.Cmd = exec.Command(argv[0], argv[1:]...)
	p.ExtraFiles = files
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
				select {
				case listen <- entry.Listen:
				default: // a later worker
				}
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
	daemontest.Eventually(t, "two healthy instances", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return twoHealthy.Match(body)
	})
	if got := len(daemontest.InstancesOn(p.basePort)); got < 2 {
		t.Fatalf("%d processes on the ports, want 2", got)
	}
	return p
}

// twoHealthy matches a status with two healthy instances, or a few more.
var twoHealthy = regexp.MustCompile(`"healthy":[2-9]`)

// write replaces the config file as an editor does.
func (p *dynlbProcess) write(extra string) {
	p.t.Helper()
	if !strings.Contains("\n"+extra, "\nlocation:") {
		extra = fmt.Sprintf("location: %s\n%s", daemontest.BunApp(p.t), extra)
	}
	settings := daemontest.Complete(extra, p.basePort)
	next := p.file + "~"
	if err := os.WriteFile(next, []byte(settings), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(next, p.file); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *dynlbProcess) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.ProcessState.ExitCode()
	case <-time.After(daemontest.Within):
		p.t.Fatalf("dynlb still runs after %v", daemontest.Within)
		return 0
	}
}

// guard returns the pid of the guard process.
func (p *dynlbProcess) guard() int {
	p.t.Helper()
	guards := p.commands("guard")
	if len(guards) == 0 {
		p.t.Fatal("dynlb has no guard")
	}
	return guards[0]
}

// commands returns the children of dynlb that run a command of it.
func (p *dynlbProcess) commands(name string) (pids []int) { return commandsOf(p.Process.Pid, name) }

// commandsOf returns the children of a dynlb that run a command of it.
func commandsOf(dynlb int, name string) (pids []int) {
	for _, child := range children(dynlb) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child))
		if _, rest, ok := strings.Cut(string(line), "\x00"); ok && strings.HasPrefix(rest, name+"\x00") {
			pids = append(pids, child)
		}
	}
	return pids
}

// signal sends a signal to the processes that dynlb itself is.
func (p *dynlbProcess) signal(s syscall.Signal) {
	p.t.Helper()
	for _, pid := range append(p.commands("worker"), p.Process.Pid) {
		if err := syscall.Kill(pid, s); err != nil {
			p.t.Fatal(err)
		}
	}
}

// children returns the pids of the children of a process.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is good
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			child, _ := strconv.Atoi(field)
			pids = append(pids, child)
		}
	}
	return pids
}

// zombie reports whether a process has exited and is not reaped yet.
func zombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Contains(string(stat), ") Z ")
}

func (p *dynlbProcess) nothingLeft() {
	p.t.Helper()
	daemontest.Eventually(p.t, "no instance left", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 0 })
	http.DefaultClient.CloseIdleConnections()
}
