package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// machine is a machine whose processes follow a script. It hands out processes
// and answers the probes sent to them.
type machine struct {
	// boot is how long a process takes to answer its first probe.
	boot time.Duration
	// usage is what a process uses from its start.
	usage procfs.Usage
	// refuse, when not nil, is why a process cannot be started.
	refuse func() error

	mu       sync.Mutex
	launched []*fakeProcess
	taken    map[int]bool // ports that somebody else has
	unbound  error        // when not nil, why no port can be bound
}

// fakeProcess is a process on a machine.
type fakeProcess struct {
	machine *machine
	spec    process.Spec
	port    int
	pid     int
	born    time.Time
	done    chan struct{}
	exit    process.Exit
	end     sync.Once

	mu        sync.Mutex
	sick      error // what a probe gets; nil: it is well
	deaf      bool  // SIGTERM does nothing
	listening procfs.Listening
	listenErr error
	stopped   []string      // what Stop did
	boot      time.Duration // until it answers
	usage     procfs.Usage
	usageErr  error
	paths     []string // of the probes it got
	dropped   uint64   // lines of its output
}

func (m *machine) launch(spec process.Spec) (proc, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		if err := m.refuse(); err != nil {
			return nil, err
		}
	}
	port, _ := strconv.Atoi(spec.Argv[len(spec.Argv)-1])
	p := &fakeProcess{
		machine:   m,
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

func (m *machine) probe(_ context.Context, address, path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.launched {
		if address == fmt.Sprintf("127.0.0.1:%d", p.port) && p.alive() && time.Since(p.born) >= p.booting() {
			return p.health(path)
		}
	}
	return fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
}

// deny has processes not started from now on, unless err is nil.
func (m *machine) deny(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = func() error { return err }
}

// slow has processes that are started from now on take their time.
func (m *machine) slow(boot time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.launched {
		p.set(func(p *fakeProcess) { p.boot = 0 })
	}
	m.boot = boot
}

func (m *machine) bind(port int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unbound != nil {
		return m.unbound
	}
	if m.taken[port] {
		return syscall.EADDRINUSE
	}
	return nil
}

// unbind has no port be bound from now on, unless err is nil.
func (m *machine) unbind(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unbound = err
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
	var out []*fakeProcess
	for _, p := range m.all() {
		if p.alive() {
			out = append(out, p)
		}
	}
	return out
}

func (p *fakeProcess) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// die ends the process.
func (p *fakeProcess) die(reason string, output ...string) {
	p.end.Do(func() {
		p.exit = process.Exit{Code: 1, Reason: reason, Time: time.Now(), Output: output, Dropped: p.dropped}
		if strings.HasPrefix(reason, "signal: ") {
			p.exit.Signal = syscall.SIGKILL
		}
		close(p.done)
	})
}

// set changes the process, which may be in use.
func (p *fakeProcess) set(change func(*fakeProcess)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// fall makes the process answer probes with err.
func (p *fakeProcess) fall(err error) {
	p.set(func(p *fakeProcess) { p.sick = err })
}

func (p *fakeProcess) booting() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.boot
}

// health is what a probe gets.
func (p *fakeProcess) health(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paths = append(p.paths, path)
	return p.sick
}

func (p *fakeProcess) PID() int              { return p.pid }
func (p *fakeProcess) Done() <-chan struct{} { return p.done }
func (p *fakeProcess) Exit() process.Exit    { return p.exit }

func (p *fakeProcess) Usage() (procfs.Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.usage, p.usageErr
}

func (p *fakeProcess) Stop(ctx context.Context, timeout time.Duration) process.Exit {
	p.mu.Lock()
	deaf := p.deaf
	p.stopped = append(p.stopped, "TERM")
	p.mu.Unlock()
	if p.alive() && deaf {
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

func (p *fakeProcess) ListensOn(int) (procfs.Listening, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listening, p.listenErr
}

// bench is a running supervisor on a fake machine, in a synctest bubble.
type bench struct {
	*Fleet
	*machine
	t        *testing.T
	registry *registry.Registry
	board    *notice.Board
	kill     func() // ends the context of Run
	log      *lines
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

// supervise runs a test in a bubble with a supervisor on a fake machine, and
// sees to it that nothing is left of either.
func supervise(t *testing.T, change func(*Settings, *machine), test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		settings := Settings{
			Argv:       func(port int) []string { return []string{"app", strconv.Itoa(port)} },
			HealthPath: "/health", VerifyPort: true, BasePort: 5001,
			CheckInterval: 5 * time.Second, HealthTimeout: 2 * time.Second,
			StartTimeout: 10 * time.Second, DrainTimeout: 30 * time.Second, StopTimeout: 5 * time.Second,
			RequestTimeout: 30 * time.Second,
		}
		m := &machine{boot: 10 * time.Millisecond, taken: map[int]bool{}}
		if change != nil {
			change(&settings, m)
		}
		r := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: time.Minute})
		log := new(lines)
		s := newFleet(fleet.Options{
			Registry: r,
			Board:    notice.New(r),
			Log:      slog.New(slog.NewTextHandler(log, nil)),
		}, settings, machinery{launch: m.launch, probe: m.probe, bind: m.bind})
		ctx, cancel := context.WithCancel(context.Background())
		go s.Run(ctx) // the bubble waits for it
		test(t, &bench{Fleet: s, machine: m, t: t, registry: r, board: s.Board, kill: cancel, log: log})
		cancel()
		<-s.done
		if left := m.running(); len(left) > 0 {
			t.Errorf("%d processes are left", len(left))
		}
		if left := r.Len(); left > 0 {
			t.Errorf("%d instances are left in the registry", left)
		}
	})
}

// after lets time pass, until everything has come to rest.
func (b *bench) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// counts returns how many instances are in each state, as "2 ready 1 starting".
func (b *bench) counts() string {
	s := b.registry.Snapshot()
	var out []string
	for state := registry.Starting; state <= registry.Stopped; state++ {
		if n := s.Count(state); n > 0 {
			out = append(out, fmt.Sprintf("%d %v", n, state))
		}
	}
	return strings.Join(out, " ")
}

// ready returns how many instances may get requests.
func (b *bench) ready() int {
	s := b.registry.Snapshot()
	return s.Count(registry.Ready)
}

func (b *bench) want(counts string) {
	b.t.Helper()
	if got := b.counts(); got != counts {
		b.t.Fatalf("instances: %q, want %q", got, counts)
	}
}

var errSick = errors.New("status 500, not 200")
