package process

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// endThreads starts and ends n goroutines, each with a thread of its own, which ends
// with it.
func endThreads(n int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 64)
	for range n {
		slots <- struct{}{}
		group.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			<-slots
		})
	}
	group.Wait()
}

// keepThreads has the runtime make n threads, which it keeps.
func keepThreads(n int) {
	var group, all sync.WaitGroup
	all.Add(n)
	for range n {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	group.Wait()
}

// No child dies with a thread of its parent; see spawnLoop.
func TestDyingThreadsKillNoChild(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	line := processtest.NewLifeline(t)
	const children = 20
	var group sync.WaitGroup
	processes := make([]*Process, children)
	for i := range processes {
		group.Go(func() {
			runtime.LockOSThread() // the thread that calls Start ends too
			processes[i] = start(t, roleSpec("alive", line.Address()))
		})
	}
	group.Wait()
	var lives []processtest.Life
	for range children {
		lives = append(lives, line.Accept())
	}
	endThreads(n)
	for _, l := range lives {
		l.ExpectAlive()
	}
	for _, p := range processes {
		select {
		case <-p.Done():
			t.Errorf("child %d is done: %+v", p.PID(), p.Exit())
		default:
		}
	}
}

// The kernel kills a child when its parent is killed.
func TestChildDiesWithItsKilledParent(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	starter := processtest.Command("starter", "ignore-term", line.Address())
	processtest.Start(t, starter)
	child := line.Accept()
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.ExpectDeath(time.Second)
}
