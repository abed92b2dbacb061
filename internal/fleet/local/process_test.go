package local

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// errUnhealthy is what a probe returns when the answer is broken off, and errNotReady
// when the instance says that it is not ready.
var (
	errUnhealthy = errors.New("unexpected EOF")
	errNotReady  = &probe.StatusError{Path: "/health", Status: 503}
)

// fakeProcess is a process on a machine.
type fakeProcess struct {
	spec process.Spec
	port int
	pid  int
	done chan struct{}
	exit process.Exit // written before done closes
	end  sync.Once

	mu          sync.Mutex // guards all below
	born        time.Time
	boot        time.Duration    // from born to the first answer
	healthErr   error            // what a probe returns
	pathErr     map[string]error // what probes of a path return before healthErr
	paths       []string         // of the probes
	ignoresTERM bool
	listening   procfs.Listening
	listenErr   error
	usage       procfs.Usage
	usageErr    error
	dropped     uint64 // lines of its output
}

// set changes the process, which may be in use.
func (p *fakeProcess) set(change func(*fakeProcess)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// failHealth sets what probes return.
func (p *fakeProcess) failHealth(err error) { p.set(func(p *fakeProcess) { p.healthErr = err }) }

// die ends the process.
func (p *fakeProcess) die(reason string, output ...string) {
	p.end.Do(func() {
		p.exit = process.Exit{Code: 1, Reason: reason, Time: time.Now(), Output: output}
		p.set(func(p *fakeProcess) { p.exit.Dropped = p.dropped })
		if strings.HasPrefix(reason, "signal: ") {
			p.exit.Signal = syscall.SIGKILL
		}
		if reason == "signal: terminated" {
			p.exit.Signal = syscall.SIGTERM
		}
		close(p.done)
	})
}

// listensAt reports whether the process has a port or socket.
func (p *fakeProcess) listensAt(at registry.Endpoint) bool {
	if at.Network == "unix" {
		return at.Address == p.spec.Argv[len(p.spec.Argv)-1]
	}
	return at == registry.TCP("127.0.0.1", p.port)
}

func (p *fakeProcess) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *fakeProcess) booted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.born) >= p.boot
}

// health returns the result of a probe.
func (p *fakeProcess) health(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paths = append(p.paths, path)
	if err, ok := p.pathErr[path]; ok {
		return err
	}
	return p.healthErr
}

func (p *fakeProcess) PID() int              { return p.pid }
func (p *fakeProcess) Done() <-chan struct{} { return p.done }
func (p *fakeProcess) Exit() process.Exit    { return p.exit }
func (p *fakeProcess) Tail() []string        { return []string{"last line"} }

func (p *fakeProcess) Release() (stdoutBegun, stderrBegun []byte) {
	return []byte("begun"), nil
}

func (p *fakeProcess) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

func (p *fakeProcess) Usage() (procfs.Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.usage, p.usageErr
}

func (p *fakeProcess) ListensOn(int) (procfs.Listening, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listening, p.listenErr
}

func (p *fakeProcess) OwnsSocket(string) (owned bool, owner int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listening.Owned, p.pid, p.listenErr
}

func (p *fakeProcess) Stop(ctx context.Context, timeout time.Duration) process.Exit {
	p.mu.Lock()
	ignoresTERM := p.ignoresTERM
	p.mu.Unlock()
	if p.alive() && ignoresTERM {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		p.die("signal: killed")
	}
	p.die("signal: terminated")
	return p.exit
}
