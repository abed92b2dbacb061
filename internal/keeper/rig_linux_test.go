package keeper

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// testKeeper is a keeper with its worker, as processes.
type testKeeper struct {
	*exec.Cmd
	t       *testing.T
	address string
	log     logBuffer
	ended   chan struct{}
}

// logBuffer has the log of a keeper.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// count returns how often a text is in the log.
func (b *logBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

// startKeeper starts one, with variables of the environment.
func startKeeper(t *testing.T, variables ...string) *testKeeper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &testKeeper{t: t, address: l.Addr().String(), ended: make(chan struct{})}
	_ = l.Close()
	k.Cmd = processtest.Command("dynlb", "serve", k.address)
	k.Env = append(k.Env, variables...)
	k.Stderr = &k.log
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = k.Wait()
		close(k.ended)
	}()
	t.Cleanup(func() {
		_ = k.Process.Kill()
		<-k.ended
		if t.Failed() {
			t.Logf("log:\n%s", k.log.text.String())
		}
	})
	return k
}

// ask sends a command to the worker that serves, and waits until there is one.
func (k *testKeeper) ask(command string) string {
	k.t.Helper()
	for end := time.Now().Add(processtest.Limit); ; time.Sleep(time.Millisecond) {
		answer, err := k.try(command)
		if err == nil && answer != "" {
			return answer
		}
		if time.Now().After(end) {
			k.t.Fatalf("%s: %q, %v", command, answer, err)
		}
	}
}

func (k *testKeeper) try(command string) (string, error) {
	c, err := net.Dial("tcp", k.address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(processtest.Limit))
	fmt.Fprintln(c, command)
	text, err := io.ReadAll(c)
	return string(text), err
}

// begin sends a command, and returns when the answer to it begins.
func (k *testKeeper) begin(command string) {
	k.t.Helper()
	c, err := net.Dial("tcp", k.address)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintln(c, command)
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		k.t.Fatal(err)
	}
}

// state is what the worker that serves says of itself.
type state struct {
	epoch, worker, instance int
	blob                    string
}

func (k *testKeeper) state() (s state) {
	k.t.Helper()
	text := k.ask("state")
	if _, err := fmt.Sscanf(text, "epoch %d, worker %d, instance %d, blob %q", &s.epoch, &s.worker, &s.instance, &s.blob); err != nil {
		k.t.Fatalf("%q: %v", text, err)
	}
	return s
}

// exitCode waits for the end of the keeper.
func (k *testKeeper) exitCode() int {
	k.t.Helper()
	select {
	case <-k.ended:
	case <-time.After(processtest.Limit):
		k.t.Fatal("the keeper does not end")
	}
	return k.ProcessState.ExitCode()
}

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dynlb")
	if err := processtest.WriteProgram(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// alive reports whether a process runs.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// expectDead waits until processes have ended.
func expectDead(t *testing.T, pids ...int) {
	t.Helper()
	left := func() int {
		return len(slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !alive(pid) }))
	}
	if n := processtest.Settle(left, 0); n > 0 {
		t.Errorf("%d of the processes %v are left", n, pids)
	}
}
