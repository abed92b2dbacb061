package process

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	roles["burn"] = roleBurn
	roles["hog"] = roleHog
	roles["threads"] = roleThreads
}

// roleBurn: uses SECONDS of processor time, then is alive
func roleBurn(args []string) int {
	seconds, _ := strconv.ParseFloat(args[0], 64)
	for used := 0.0; used < seconds; {
		var r syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		used = time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
	}
	return roleAlive(args[1:])
}

// roleHog: on SIGTERM takes MEBIBYTES of memory, and then is alive
func roleHog(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	mebibytes, _ := strconv.Atoi(args[0])
	_ = os.Unsetenv(readyEnv) // it connects twice
	go hold(args[1])
	<-term
	// Not Go's own memory, for which the race detector takes as much again.
	if _, err := syscall.Mmap(-1, 0, mebibytes<<20, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_POPULATE); err != nil {
		panic(err)
	}
	return roleAlive(args[1:])
}

// roleThreads: keeps N threads until killed
func roleThreads(args []string) int {
	n, _ := strconv.Atoi(args[0])
	for range n {
		go func() {
			runtime.LockOSThread()
			select {}
		}()
	}
	for {
		time.Sleep(time.Hour)
	}
}

// usage measures a child that runs.
func usage(t *testing.T, p *Process) Usage {
	t.Helper()
	u, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUsageIsOfTheWholeFamily(t *testing.T) {
	const mebibytes = 64
	for name, mark := range map[string]Mark{"tree": "", "cgroup": NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			line := newLifeline(t)
			spec := roleSpec("parent", "wait", "hog", strconv.Itoa(mebibytes), line.address())
			spec.Mark = mark
			p := start(t, spec)
			child := line.accept()
			before := usage(t, p)
			if err := syscall.Kill(child.pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			line.accept() // it has the memory now
			after := usage(t, p)
			if before.Memory < 1<<20 || after.Memory < before.Memory+mebibytes<<20 || after.Memory > before.Memory+2*mebibytes<<20 {
				t.Errorf("memory went from %d to %d, want %d MiB more", before.Memory, after.Memory, mebibytes)
			}
		})
	}
}

func TestUsageCountsProcessorTime(t *testing.T) {
	for name, mark := range map[string]Mark{"tree": "", "cgroup": NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			line := newLifeline(t)
			spec := roleSpec("parent", "forget", "burn", "0.3", line.address())
			spec.Mark = mark
			p := start(t, spec)
			burnt := line.accept()
			with := usage(t, p)
			if with.CPU < 290*time.Millisecond || with.CPU > 3*time.Second { // steps of 10 ms, and what it takes to start
				t.Errorf("processor time %v, want the 300 ms that were burnt", with.CPU)
			}
			// The end of the one that used it takes nothing away, even though its
			// parent does not count it.
			_ = burnt.Close()
			if settled(func() int { children, _ := childrenOf(p.PID()); return len(children) }, 0) > 0 {
				t.Fatal("the child of the child is still there")
			}
			if without := usage(t, p); without.CPU < with.CPU {
				t.Errorf("processor time went from %v to %v", with.CPU, without.CPU)
			}
		})
	}
}

// TestUsageTellsOfSuspension: also when it is not the leader that is suspended, but
// what it runs.
func TestUsageTellsOfSuspension(t *testing.T) {
	for name, mark := range map[string]Mark{"tree": "", "cgroup": NewMark(t.Name())} {
		t.Run(name, func(t *testing.T) {
			line := newLifeline(t)
			spec := roleSpec("parent", "wait", "alive", line.address())
			spec.Mark = mark
			p := start(t, spec)
			child := line.accept()
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
				if err := syscall.Kill(child.pid, c.signal); err != nil {
					t.Fatal(err)
				}
				if settled(differs(c.want), 0) > 0 {
					t.Errorf("after %v: suspended is not %v", c.signal, c.want)
				}
			}
		})
	}
}

func TestUsageAfterTheEnd(t *testing.T) {
	p := start(t, roleSpec("exit", "0"))
	await(t, p)
	if u, err := p.Usage(); !errors.Is(err, os.ErrProcessDone) || u != (Usage{}) {
		t.Errorf("usage = %+v, %v, want os.ErrProcessDone", u, err)
	}
}

func TestParseUsage(t *testing.T) {
	const good = "7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 100 20 3 4 20 0 5 0 99 1000 25 18446744073709551615"
	got, err := parseUsage(good)
	if want := (Usage{Memory: 25 * uint64(os.Getpagesize()), CPU: 1270 * time.Millisecond}); err != nil || got != want {
		t.Errorf("usage = %+v, %v, want %+v", got, err, want)
	}
	for state, want := range map[string]bool{"R": false, "D": false, "Z": false, "T": true, "t": true} {
		if got, err := parseUsage(strings.Replace(good, ") S ", ") "+state+" ", 1)); err != nil || got.Suspended != want {
			t.Errorf("state %s: suspended is %v, %v, want %v", state, got.Suspended, err, want)
		}
	}
	for _, bad := range []string{"", "7 (a) S 1 7", good[:len(good)-24], "7 (a) S 1 7 7 0 -1 0 0 0 0 0 x 20 3 4 20 0 5 0 99 1000 25 1"} {
		if got, err := parseUsage(bad); err == nil {
			t.Errorf("parseUsage(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestDescendants(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("parent", "wait", "alive", line.address()))
	child := line.accept()
	got, err := descendants(p.PID())
	if err != nil || !slices.Equal(got, []int{p.PID(), child.pid}) {
		t.Errorf("descendants = %v, %v, want %d and %d", got, err, p.PID(), child.pid)
	}
}

// BenchmarkUsage measures one process with twenty threads and what the runtime adds.
func BenchmarkUsage(b *testing.B) {
	for name, mark := range map[string]Mark{"tree": "", "cgroup": NewMark("benchmark")} {
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
