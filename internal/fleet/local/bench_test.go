package local

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

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
