package process

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

func init() {
	roles["burn"] = roleBurn
	roles["hog"] = roleHog
	roles["threads"] = roleThreads
}

// roleBurn: burn SECONDS ADDRESS uses that processor time, then is alive
func roleBurn(args []string) int {
	seconds, _ := strconv.ParseFloat(args[0], 64)
	for used := 0.0; used < seconds; {
		var r syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		used = time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	processtest.Hold(args[1])
	return 0
}

// roleHog: hog MEBIBYTES ADDRESS is alive; on SIGTERM it takes that much memory, and
// connects again
func roleHog(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	mebibytes, _ := strconv.Atoi(args[0])
	go processtest.Hold(args[1])
	<-term
	// Memory of Go's heap would count twice: the race detector shadows it.
	if _, err := syscall.Mmap(-1, 0, mebibytes<<20, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_POPULATE); err != nil {
		panic(err)
	}
	processtest.Hold(args[1])
	return 0
}

// roleThreads: threads N keeps N threads until it is killed
func roleThreads(args []string) int {
	n, _ := strconv.Atoi(args[0])
	for range n {
		go func() {
			runtime.LockOSThread()
			select {}
		}()
	}
	processtest.Block()
	return 0
}

// usage measures a running child.
func usage(t *testing.T, p *Process) procfs.Usage {
	t.Helper()
	u, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUsageIsOfTheWholeTree(t *testing.T) {
	t.Parallel()
	const mebibytes = 64
	for name, mark := range map[string]orphan.Mark{"tree": "", "cgroup": orphan.NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := processtest.NewLifeline(t)
			// One more than it must report: see procfs.Usage.
			spec := roleSpec("parent", "wait", "hog", strconv.Itoa(mebibytes+1), line.Address())
			spec.Mark = mark
			p := start(t, spec)
			child := line.Accept()
			before := usage(t, p)
			if err := syscall.Kill(child.PID, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			line.Accept() // it has taken the memory
			after := usage(t, p)
			if before.Memory < 1<<20 || after.Memory < before.Memory+mebibytes<<20 || after.Memory > before.Memory+2*mebibytes<<20 {
				t.Errorf("memory went from %d to %d, want %d MiB more", before.Memory, after.Memory, mebibytes)
			}
		})
	}
}

func TestUsageCountsProcessorTime(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]orphan.Mark{"tree": "", "cgroup": orphan.NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := processtest.NewLifeline(t)
			spec := roleSpec("parent", "forget", "burn", "0.3", line.Address())
			spec.Mark = mark
			p := start(t, spec)
			burnt := line.Accept()
			with := usage(t, p)
			if with.CPU < 290*time.Millisecond || with.CPU > 3*time.Second { // steps of 10 ms, and the time to start
				t.Errorf("processor time %v, want the 300 ms that the child used", with.CPU)
			}
			// The time still counts after the end of the process that used it, even
			// though its parent does not wait for it.
			burnt.Close()
			if processtest.Settle(func() int { children, _ := procfs.Children(p.PID()); return len(children) }, 0) > 0 {
				t.Fatal("the grandchild has not ended")
			}
			if without := usage(t, p); without.CPU < with.CPU {
				t.Errorf("processor time went from %v to %v", with.CPU, without.CPU)
			}
		})
	}
}

// Usage reports a suspended process, also when that is a descendant of the child.
func TestUsageReportsSuspension(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]orphan.Mark{"tree": "", "cgroup": orphan.NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := processtest.NewLifeline(t)
			spec := roleSpec("parent", "wait", "alive", line.Address())
			spec.Mark = mark
			p := start(t, spec)
			child := line.Accept()
			differs := func(want bool) func() int {
				return func() int {
					if usage(t, p).Suspended != want {
						return 1
					}
					return 0
				}
			}
			if differs(false)() > 0 {
				t.Error("suspended from the start")
			}
			for _, c := range []struct {
				signal syscall.Signal
				want   bool
			}{{syscall.SIGSTOP, true}, {syscall.SIGCONT, false}} {
				if err := syscall.Kill(child.PID, c.signal); err != nil {
					t.Fatal(err)
				}
				if processtest.Settle(differs(c.want), 0) > 0 {
					t.Errorf("after %v: suspended is not %v", c.signal, c.want)
				}
			}
		})
	}
}

func TestUsageAfterTheEnd(t *testing.T) {
	t.Parallel()
	p := start(t, roleSpec("exit", "0"))
	await(t, p)
	if u, err := p.Usage(); !errors.Is(err, os.ErrProcessDone) || u != (procfs.Usage{}) {
		t.Errorf("usage = %+v, %v, want os.ErrProcessDone", u, err)
	}
}

func TestListensOn(t *testing.T) {
	t.Parallel()
	ports := make(chan string, 1)
	spec := roleSpec("listen", "127.0.0.1:0")
	spec.Output = func(line Line) error {
		ports <- line.Text
		return nil
	}
	p := start(t, spec)
	port, err := strconv.Atoi(<-ports)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.ListensOn(port); err != nil || !got.Owned {
		t.Errorf("ListensOn(%d) = %+v, %v, want it owned", port, got, err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, p)
	if _, err := p.ListensOn(port); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("ListensOn after the end: %v, want %v", err, os.ErrProcessDone)
	}
}

// BenchmarkUsage measures one process with twenty threads, beside those of the Go
// runtime.
func BenchmarkUsage(b *testing.B) {
	for name, mark := range map[string]orphan.Mark{"tree": "", "cgroup": orphan.NewMark("benchmark")} {
		b.Run(name, func(b *testing.B) {
			spec := roleSpec("threads", "20")
			spec.Mark = mark
			p, err := Start(spec)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := p.Usage(); err != nil {
					b.Fatal(err)
				}
			}
			_ = p.Kill()
			<-p.Done()
		})
	}
}
