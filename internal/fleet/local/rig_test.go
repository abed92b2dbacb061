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
	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/registry"
)

// rig is a running fleet on a machine, in a synctest bubble.
type rig struct {
	*Fleet
	*machine
	t        *testing.T
	registry *registry.Registry
	board    *notice.Board
	kill     func() // ends the context of Run
	log      *logBuffer
}

// withFleet runs a test in a bubble with a fleet on a machine, both of which change
// may adapt, and checks that no process and no instance remains.
func withFleet(t *testing.T, change func(*Settings, *machine), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		settings := Settings{
			Program: Program{
				Argv:       func(port int) []string { return []string{"app", strconv.Itoa(port)} },
				HealthPath: "/health", VerifyPort: true,
			},
			BasePort:      5001,
			CheckInterval: 5 * time.Second, HealthTimeout: 2 * time.Second,
			StartTimeout: 10 * time.Second, DrainTimeout: 30 * time.Second, StopTimeout: 5 * time.Second,
			RequestTimeout: 30 * time.Second,
		}
		m := &machine{boot: 10 * time.Millisecond, takenPorts: map[int]bool{}}
		if change != nil {
			change(&settings, m)
		}
		reg := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: time.Minute})
		log := new(logBuffer)
		f := newFleet(fleet.Options{
			App:      "web",
			Registry: reg,
			Board:    notice.New(reg),
			Log:      slog.New(slog.NewTextHandler(log, nil)),
		}, settings, machinery{
			launch: m.launch, probe: m.probe, bind: m.bind, runtime: func(*account.User) string { return m.runtime }, adopted: adoptedFrom(nil),
		})
		ctx, cancel := context.WithCancel(context.Background())
		go f.Run(ctx) // ends below
		test(t, &rig{Fleet: f, machine: m, t: t, registry: reg, board: f.Board, kill: cancel, log: log})
		cancel()
		<-f.done
		if left := m.running(); len(left) > 0 {
			t.Errorf("%d processes remain", len(left))
		}
		if left := reg.Len(); left > 0 {
			t.Errorf("%d instances remain in the registry", left)
		}
	})
}

// after lets time pass, and then waits until no goroutine has work.
func (r *rig) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// checks waits for n health checks.
func (r *rig) checks(n int) {
	r.after(time.Duration(n)*r.settings().CheckInterval + time.Millisecond)
}

// acquire returns the lease of a request.
func (r *rig) acquire() registry.Lease {
	r.t.Helper()
	lease, err := r.registry.Acquire(r.t.Context(), registry.Preference{})
	if err != nil {
		r.t.Fatal(err)
	}
	return lease
}

// counts returns how many instances are in each state, such as "1 starting 2 ready".
func (r *rig) counts() string {
	s := r.registry.Snapshot()
	var out []string
	for state := registry.Starting; state <= registry.Stopped; state++ {
		if n := s.Count(state); n > 0 {
			out = append(out, fmt.Sprintf("%d %v", n, state))
		}
	}
	return strings.Join(out, " ")
}

func (r *rig) want(counts string) {
	r.t.Helper()
	if got := r.counts(); got != counts {
		r.t.Fatalf("instances: %q, want %q", got, counts)
	}
}

// ready returns how many instances are ready.
func (r *rig) ready() int {
	s := r.registry.Snapshot()
	return s.Count(registry.Ready)
}

// logBuffer is a log.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) count(s string) int { return strings.Count(l.String(), s) }

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
