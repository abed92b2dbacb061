package main

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *child {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	runtime.LockOSThread() // see main
	t.Cleanup(runtime.UnlockOSThread)
	c, err := startChild("test", exec.Command("/bin/sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// said is a probe for what the child has written.
func said(c *child, text string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(c.output.String(), text) {
			return errors.New("not said yet")
		}
		return nil
	}
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	for name, script := range map[string]string{
		"leader ends at once":      "sleep 100 & echo up; wait",
		"others ignore the TERM":   "(trap '' TERM; sleep 100) & echo up; wait",
		"leader ended before":      "sleep 100 & echo up",
		"nothing but the leader":   "echo up; exec sleep 100",
		"another output is open":   "sleep 100 >/dev/null 2>&1 & echo up; wait",
		"ends of itself with TERM": "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done",
	} {
		t.Run(name, func(t *testing.T) {
			c := shell(t, script)
			if err := c.awaitReady(t.Context(), said(c, "up")); err != nil {
				t.Fatal(err)
			}
			c.stop()
			c.stop() // again is fine
			// SIGKILL is sent, but the kernel may take a moment over it.
			for deadline := time.Now().Add(5 * time.Second); ; {
				left, err := groupMembers("/proc", c.group())
				if err == nil && len(left) == 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("still there: %v, %v", left, err)
				}
				runtime.Gosched()
			}
		})
	}
}

func TestAwaitReadyTellsWhyAChildEnded(t *testing.T) {
	c := shell(t, "echo no such port >&2; exit 3")
	err := c.awaitReady(t.Context(), func(context.Context) error { return errors.New("not up") })
	if err == nil || !strings.Contains(err.Error(), "no such port") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the exit status and the last words", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	c := shell(t, "exec sleep 100")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestNeutralEnv(t *testing.T) {
	got := neutralEnv([]string{"PATH=/bin", "PORT=80", "GOGC=off", "GOMAXPROCS=64"})
	if want := []string{"PATH=/bin", "GOMAXPROCS=2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var tail tail
	for range 1000 {
		if _, err := tail.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = tail.Write([]byte("end\n"))
	if got := tail.String(); len(got) > 4<<10 || !strings.HasSuffix(got, "789end") {
		t.Errorf("kept %d bytes, ending in %q", len(got), got[len(got)-10:])
	}
}
