package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/registry"
)

// successor is a fleet of another process on the same machine, and what it was given of
// the output of the processes.
type successor struct {
	*rig
	pipes map[registry.ID]process.Pipes
}

// succeed has another fleet go on with the instances of r: as at an upgrade, or, when
// saved is not nil, after the death of the process that had saved it.
func (r *rig) succeed(saved json.RawMessage, change func(*Settings)) *successor {
	r.t.Helper()
	if saved == nil {
		saved = r.Leave()
	}
	reg := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: time.Minute})
	reg.Restore(r.registry.Save(1), false)
	settings := *r.settings()
	if change != nil {
		change(&settings)
	}
	s := &successor{pipes: map[registry.ID]process.Pipes{}}
	log := new(logBuffer)
	f := newFleet(fleet.Options{App: "web", Registry: reg, Board: notice.New(reg), Log: slog.New(slog.NewTextHandler(log, nil))}, settings, machinery{
		launch: r.launch, probe: r.machine.probe, bind: r.bind, runtime: func(*account.User) string { return "" },
		adopted: func(string) (all []taken) {
			for _, p := range r.running() {
				id := registry.ID(p.spec.Mark.Child())
				var label Label
				if err := json.Unmarshal(p.spec.Label, &label); err != nil {
					r.t.Error(err)
				}
				all = append(all, taken{Running{ID: id, PID: p.pid, Label: label}, func(pipes func(*process.Pipes), _ func(process.Line) error, _ func(uint64)) proc {
					var begins process.Pipes
					pipes(&begins)
					s.pipes[id] = begins
					return p
				}})
			}
			return all
		},
	})
	if err := f.Restore(saved); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.rig = &rig{Fleet: f, machine: r.machine, t: r.t, registry: reg, board: f.Board, kill: cancel, log: log}
	go f.Run(ctx) // ends with stop
	synctest.Wait()
	return s
}

// stop ends the successor, and what r has left in its registry.
func (s *successor) stop(r *rig) {
	s.kill()
	<-s.done
	for _, in := range r.registry.Snapshot().Instances {
		_ = r.registry.Transition(in.ID, registry.Stopped, "test")
	}
}

// TestLeave: another process goes on with the instances. None is stopped or started, a
// drain goes on, and a process that dies is replaced.
func TestLeave(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(time.Second)
		leases := []registry.Lease{r.acquire(), r.acquire(), r.acquire()}
		r.running()[1].set(func(p *fakeProcess) { p.dropped = 4 })
		r.Scale(2, "fewer")
		synctest.Wait()
		r.want("2 ready 1 draining")
		s := r.succeed(nil, nil)
		defer s.stop(r)
		s.want("2 ready 1 draining")
		if len(r.all()) != 3 || len(r.running()) != 3 {
			t.Errorf("%d processes were started, %d run", len(r.all()), len(r.running()))
		}
		if begins := s.pipes[registry.ID(r.running()[1].spec.Mark.Child())]; string(begins.StdoutBegun) != "begun" || len(begins.Tail) != 1 || begins.Dropped != 4 {
			t.Errorf("output begins with %+v", begins)
		}
		for _, l := range leases {
			l.Release()
		}
		s.registry.SetElsewhere(1, nil)
		s.after(time.Second)
		s.want("2 ready")
		if len(r.running()) != 2 {
			t.Errorf("%d processes run", len(r.running()))
		}
		r.running()[0].die("exit status 1")
		s.after(time.Second)
		s.want("2 ready")
		s.checks(3)
		s.want("2 ready")
		if err := r.Restart(t.Context(), 1, "test", func(int, int) {}); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Restart after Leave: %v", err)
		}
	})
}

// TestLeaveDuringARestart: the restart goes on in the other process.
func TestLeaveDuringARestart(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(time.Second)
		r.bootIn(time.Second)
		result := make(chan error, 1)
		go func() { result <- r.Restart(t.Context(), 1, "test", func(int, int) {}) }()
		r.after(1500 * time.Millisecond)
		if replaced := len(r.all()) - 3; replaced < 1 || replaced > 2 {
			t.Fatalf("%d instances started", replaced)
		}
		s := r.succeed(nil, nil)
		defer s.stop(r)
		if err := <-result; !errors.Is(err, fleet.ErrMoved) {
			t.Errorf("Restart: %v", err)
		}
		s.after(10 * time.Second)
		s.want("3 ready")
		if len(r.all()) != 6 || len(r.running()) != 3 {
			t.Errorf("%d processes were started, %d run", len(r.all()), len(r.running()))
		}
	})
}

// TestLeaveKeepsFailures: the pauses between starts that fail go on.
func TestLeaveKeepsFailures(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.refuseStarts(errors.New("no such program"))
		r.Scale(1, "test")
		r.after(20 * time.Second)
		failures := r.log.count("instance failed")
		s := r.succeed(nil, nil)
		defer s.stop(r)
		s.after(5 * time.Second)
		if n := s.log.count("instance failed"); failures < 5 || n > 1 {
			t.Errorf("%d failures before, and %d soon after", failures, n)
		}
		r.refuseStarts(nil)
		s.after(time.Minute)
		s.want("1 ready")
	})
}

// TestTakeOverAnotherProgram: instances of another program are replaced, new ones first.
func TestTakeOverAnotherProgram(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		s := r.succeed(nil, func(s *Settings) { s.Program.HealthPath = "/other" })
		defer s.stop(r)
		s.want("1 starting 2 ready")
		s.after(10 * time.Second)
		s.want("2 ready")
		if len(r.all()) != 4 {
			t.Errorf("%d processes were started", len(r.all()))
		}
	})
}

// TestTakeOverAfterADeath: what was saved some time before the death of the process may
// not fit. An instance that has ended is replaced, and one that was started is probed.
func TestTakeOverAfterADeath(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		saved := r.Save()
		r.Leave() // the death
		r.running()[0].die("exit status 1")
		s := r.succeed(saved, nil)
		defer s.stop(r)
		s.after(time.Second)
		s.want("2 ready")
		if len(r.all()) != 3 {
			t.Errorf("%d processes were started", len(r.all()))
		}
	})
}

// TestSavedEveryField: the state that is saved has no field that this test does not set,
// so that none is lost unnoticed.
func TestSavedEveryField(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		now := time.Now()
		r.call(func() {
			r.generation, r.failedStarts, r.recycled = 1, 2, 3
			r.backoff, r.pacing = backoff{4, now, now.Add(time.Hour)}, recyclePacing{time.Second, now}
			r.pendingReplacements = []replacement{{"gone", "test"}}
			r.Fleet.rollout = newRollout(2, "test")
			r.Fleet.rollout.total, r.Fleet.rollout.replaced = 5, 1
			c := r.children[0]
			c.generation, c.wasReady, c.drainReason, c.failedChecks, c.failedLiveness, c.notReady = 1, true, "a", 1, 2, "b"
			c.recycleReason, c.recycleTurn, c.memoryEarly, c.suspended, c.replaceReason = "c", 1, true, true, errors.New("d")
			c.phase = phaseDraining
			text := r.save(map[*child]savedOutput{c: {Stdout: []byte("e"), Stderr: []byte("f")}})
			r.Fleet.rollout, r.pendingReplacements, c.phase, c.replaceReason, c.recycleReason, c.generation, r.generation = nil, nil, phaseServing, nil, "", 0, 0
			r.backoff = backoff{}
			for _, typ := range []reflect.Type{
				reflect.TypeFor[saved](), reflect.TypeFor[savedRollout](), reflect.TypeFor[savedReplacement](), reflect.TypeFor[savedChild](), reflect.TypeFor[savedOutput](),
			} {
				for f := range typ.Fields() {
					if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "dropped" && !strings.Contains(string(text), `"`+name+`":`) {
						t.Errorf("%s.%s is not saved: %s", typ.Name(), f.Name, text)
					}
				}
			}
			other := newFleet(r.Options, *r.settings(), r.Fleet.machinery)
			if err := other.Restore(text); err != nil {
				t.Fatal(err)
			}
			children := other.restore()
			for _, x := range r.children {
				y := newChild(x.place, func() {}, r.Log)
				y.id = x.id
				y.restore(children[x.id])
				y.phase = phaseDraining
				if x == c {
					other.children = append(other.children, y)
				}
			}
			again := other.save(map[*child]savedOutput{other.children[0]: children[c.id].Output})
			var a, b saved
			_, _ = json.Unmarshal(text, &a), json.Unmarshal(again, &b)
			if a.Children = a.Children[:1]; !reflect.DeepEqual(a, b) {
				t.Errorf("got  %+v\nwant %+v", b, a)
			}
		})
	})
}
