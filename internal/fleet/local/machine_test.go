package local

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// machine is a machine whose processes follow a script. It starts processes and
// answers the probes that are sent to them.
type machine struct {
	mu         sync.Mutex // guards all below
	boot       time.Duration
	usage      procfs.Usage // of processes that are started from now on
	launched   []*fakeProcess
	launchErr  error // when not nil, why no process starts
	takenPorts map[int]bool
	bindErr    error  // when not nil, why no port can be bound
	runtime    string // the folder for sockets
}

// set changes the machine, which may be in use.
func (m *machine) set(change func(*machine)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// refuseStarts makes starts fail with err; nil ends that.
func (m *machine) refuseStarts(err error) { m.set(func(m *machine) { m.launchErr = err }) }

// refuseBinds makes all ports fail with err; nil ends that.
func (m *machine) refuseBinds(err error) { m.set(func(m *machine) { m.bindErr = err }) }

// bootIn sets the time until processes that are started from now on answer. Those
// that run answer at once.
func (m *machine) bootIn(boot time.Duration) {
	m.set(func(m *machine) {
		for _, p := range m.launched {
			p.set(func(p *fakeProcess) { p.boot = 0 })
		}
		m.boot = boot
	})
}

func (m *machine) launch(spec process.Spec) (proc, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.launchErr != nil {
		return nil, m.launchErr
	}
	port, _ := strconv.Atoi(spec.Argv[len(spec.Argv)-1])
	p := &fakeProcess{
		spec:      spec,
		port:      port,
		pid:       100 + len(m.launched),
		born:      time.Now(),
		done:      make(chan struct{}),
		listening: procfs.Listening{Port: port, Owned: true},
		boot:      m.boot,
		usage:     m.usage,
	}
	m.launched = append(m.launched, p)
	return p, nil
}

func (m *machine) probe(_ context.Context, at registry.Endpoint, path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.launched {
		if p.listensAt(at) && p.alive() && p.booted() {
			return p.health(path)
		}
	}
	return fmt.Errorf("dial %s: %w", at.Address, syscall.ECONNREFUSED)
}

func (m *machine) bind(port int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bindErr != nil {
		return m.bindErr
	}
	if m.takenPorts[port] {
		return syscall.EADDRINUSE
	}
	return nil
}

// all returns the processes launched so far, in start order.
func (m *machine) all() []*fakeProcess {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(slices.Values(m.launched), func(a, b *fakeProcess) int {
		return cmp.Or(a.born.Compare(b.born), cmp.Compare(a.port, b.port))
	})
}

// running returns the processes that have not ended.
func (m *machine) running() []*fakeProcess {
	return slices.DeleteFunc(m.all(), func(p *fakeProcess) bool { return !p.alive() })
}
