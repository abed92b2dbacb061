package process

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// TestChildEndsItself: a child that handles SIGTERM ends by its own exit, and Kill after
// that has no effect.
func TestChildEndsItself(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("term", line.Address()))
	line.Accept()
	if err := signalGroup(p.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exit := await(t, p)
	if exit.Code != 3 || len(exit.Output) != 1 || exit.Output[0] != "bye" {
		t.Errorf("exit = %+v, want status 3 and the last line", exit)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("Kill after the end: %v", err)
	}
}

func TestStopEscalates(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("ignore-term", line.Address()))
	child := line.Accept()
	exit := p.Stop(t.Context(), 20*time.Millisecond)
	if exit.Signal != syscall.SIGKILL || exit.Reason != "signal: killed" {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.ExpectDeath(time.Second)
}

func TestStopOfASuspendedChild(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("term", line.Address()))
	child := line.Accept()
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if exit := p.Stop(t.Context(), 20*time.Millisecond); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.ExpectDeath(time.Second)
}

func TestKillOfASuspendedChild(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("term", line.Address()))
	child := line.Accept()
	if err := errors.Join(syscall.Kill(p.PID(), syscall.SIGSTOP), p.Kill()); err != nil {
		t.Fatal(err)
	}
	if exit := await(t, p); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.ExpectDeath(time.Second)
}

func TestStopEndsEarlyWithItsContext(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("ignore-term", line.Address()))
	line.Accept()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if exit := p.Stop(ctx, time.Hour); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed at once", exit)
	}
}

func TestStopReturnsWithTheChild(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("term", line.Address()))
	line.Accept()
	if exit := p.Stop(t.Context(), time.Hour); exit.Code != 3 {
		t.Errorf("exit = %+v, want status 3", exit)
	}
	if exit := p.Stop(t.Context(), time.Hour); exit.Code != 3 {
		t.Errorf("a second Stop = %+v, want the same exit", exit)
	}
}

// The rest of the group is killed when the leader exits by itself.
func TestRestOfTheGroupDiesWithTheLeader(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("parent", "leave", "ignore-term", line.Address()))
	grandchild := line.Accept()
	if exit := await(t, p); exit.Code != 7 {
		t.Errorf("exit = %+v, want status 7", exit)
	}
	grandchild.ExpectDeath(time.Second)
	if groupAlive(p.PID()) {
		t.Errorf("group %d is alive after Done", p.PID())
	}
}

// A wrapper exits at once on SIGTERM. The server that it runs still gets its time.
func TestStopWaitsForTheGroup(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("parent", "wait", "slow-term", line.Address()))
	grandchild := line.Accept()
	stopped := make(chan Exit, 1)
	go func() { stopped <- p.Stop(context.Background(), processtest.Limit) }()
	awaitExit(p.PID()) // the wrapper has exited, by SIGTERM
	grandchild.ExpectAlive()
	grandchild.Close()
	exit := <-stopped
	if exit.Signal != syscall.SIGTERM || len(exit.Output) != 1 || exit.Output[0] != "bye" {
		t.Errorf("exit = %+v, want the wrapper ended by SIGTERM, and the last line of its child", exit)
	}
}

// Stop kills what is left of the group after its timeout.
func TestStopKillsTheGroupWithoutItsLeader(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("parent", "wait", "ignore-term", line.Address()))
	grandchild := line.Accept()
	if exit := p.Stop(t.Context(), 50*time.Millisecond); exit.Signal != syscall.SIGTERM {
		t.Errorf("exit = %+v, want the wrapper ended by SIGTERM", exit)
	}
	grandchild.ExpectDeath(time.Second)
}

// A process outside the group that holds the output open delays Done, but not for
// longer than waitDelay.
func TestHeldOutputDoesNotHoldDone(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("parent", "setsid", "alive", line.Address()))
	outsider := line.Accept()
	if exit := await(t, p); exit.Code != 7 {
		t.Errorf("exit = %+v, want status 7", exit)
	}
	outsider.ExpectAlive()
}
