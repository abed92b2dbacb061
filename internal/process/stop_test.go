package process

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
)

func TestTerminateLetsTheChildEndItself(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("term", line.address()))
	line.accept()
	if err := p.Terminate(); err != nil {
		t.Fatal(err)
	}
	exit := await(t, p)
	if exit.Code != 3 || len(exit.Output) != 1 || exit.Output[0] != "bye" {
		t.Errorf("exit = %+v, want status 3 and the last word", exit)
	}
	if err := p.Terminate(); err != nil {
		t.Errorf("Terminate after the end: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("Kill after the end: %v", err)
	}
}

func TestStopEscalates(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("ignore-term", line.address()))
	child := line.accept()
	exit := p.Stop(t.Context(), 20*time.Millisecond)
	if exit.Signal != syscall.SIGKILL || exit.Reason != "signal: killed" {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.expectDeath(time.Second)
}

func TestStopOfASuspendedChild(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("term", line.address()))
	child := line.accept()
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if exit := p.Stop(t.Context(), 20*time.Millisecond); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.expectDeath(time.Second)
}

func TestKillOfASuspendedChild(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("term", line.address()))
	child := line.accept()
	if err := errors.Join(syscall.Kill(p.PID(), syscall.SIGSTOP), p.Kill()); err != nil {
		t.Fatal(err)
	}
	if exit := await(t, p); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.expectDeath(time.Second)
}

func TestStopEndsEarlyWithItsContext(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("ignore-term", line.address()))
	line.accept()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if exit := p.Stop(ctx, time.Hour); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed at once", exit)
	}
}

func TestStopReturnsWithTheChild(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("term", line.address()))
	line.accept()
	if exit := p.Stop(t.Context(), time.Hour); exit.Code != 3 {
		t.Errorf("exit = %+v, want status 3", exit)
	}
	if exit := p.Stop(t.Context(), time.Hour); exit.Code != 3 {
		t.Errorf("a second Stop = %+v, want the same exit", exit)
	}
}

// A leader that crashes takes its group with it.
func TestRestOfTheGroupDiesWithTheLeader(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("parent", "leave", "ignore-term", line.address()))
	grandchild := line.accept()
	if exit := await(t, p); exit.Code != 7 {
		t.Errorf("exit = %+v, want status 7", exit)
	}
	grandchild.expectDeath(time.Second)
	if groupAlive(p.PID()) {
		t.Errorf("group %d is alive after Done", p.PID())
	}
}

// On SIGTERM a wrapper exits at once; the server below it still gets its time.
func TestStopWaitsForTheGroup(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("parent", "wait", "slow-term", line.address()))
	grandchild := line.accept()
	stopped := make(chan Exit, 1)
	go func() { stopped <- p.Stop(context.Background(), patience) }()
	awaitExit(p.PID()) // the wrapper is gone, by SIGTERM
	grandchild.expectAlive()
	_ = grandchild.Close()
	exit := <-stopped
	if exit.Signal != syscall.SIGTERM || len(exit.Output) != 1 || exit.Output[0] != "bye" {
		t.Errorf("exit = %+v, want the wrapper terminated and its child's last word", exit)
	}
}

// Whatever is left of the group when the time is over is killed.
func TestStopKillsTheGroupWithoutItsLeader(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("parent", "wait", "ignore-term", line.address()))
	grandchild := line.accept()
	if exit := p.Stop(t.Context(), 50*time.Millisecond); exit.Signal != syscall.SIGTERM {
		t.Errorf("exit = %+v, want the wrapper ended by SIGTERM", exit)
	}
	grandchild.expectDeath(time.Second)
}

// A process outside the group that holds the output open delays Done by no more
// than the bound.
func TestHeldOutputDoesNotHoldDone(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("parent", "setsid", "alive", line.address()))
	outsider := line.accept()
	if exit := await(t, p); exit.Code != 7 {
		t.Errorf("exit = %+v, want status 7", exit)
	}
	outsider.expectAlive()
}
