package local

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// eventWith returns a function that reports whether an event has the reason.
func eventWith(reason string) func(notice.Event) bool {
	return func(e notice.Event) bool { return strings.Contains(e.Reason, reason) }
}

// TestRecycle: an instance that has reached a limit is replaced, and a new one is
// ready before it drains.
func TestRecycle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		limit  func(*Settings)
		reach  func(*testing.T, *rig)
		reason string
	}{
		{"requests", func(c *Settings) { c.MaxRequests = 3 }, func(t *testing.T, r *rig) {
			for range 3 {
				lease := r.acquire() // of the first: it is idle
				lease.Release()
			}
		}, "served 3 requests (maxRequests is 3)"},
		{"memory", func(c *Settings) { c.MaxMemory = 1000 }, func(_ *testing.T, r *rig) {
			r.all()[0].set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		}, "uses 1000 bytes of memory (maxMemory is 1000)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, func(settings *Settings, _ *machine) { c.limit(settings) }, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(50 * time.Millisecond)
				old := r.running()
				replaced := "replaces " + shortID(r.registry.Snapshot().Instances[0].ID) + ", which " + c.reason
				r.after(10 * time.Second)
				if got := len(r.all()); got != 2 {
					t.Fatalf("%d starts before a limit was reached", got)
				}
				c.reach(t, r)
				for range 2000 {
					r.after(time.Millisecond)
					if ready := r.ready(); ready < 2 {
						t.Fatalf("%d ready, want 2", ready)
					}
				}
				r.want("2 ready")
				if old[0].alive() || !old[1].alive() || len(r.all()) != 3 {
					t.Errorf("old processes alive: %v, %v; %d starts", old[0].alive(), old[1].alive(), len(r.all()))
				}
				_, events, _ := r.board.Since(0)
				for _, want := range []string{c.reason, replaced} {
					found := false
					for _, e := range events {
						found = found || e.Reason == want
					}
					if !found {
						t.Errorf("no event has the reason %q", want)
					}
				}
				if got := r.board.Snapshot().Restarts; got != 0 {
					t.Errorf("%d restarts counted, want none", got)
				}
			})
		})
	}
}

// TestRecycleByAge: instances that reach maxAge together are replaced one after the
// other.
func TestRecycleByAge(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(50 * time.Millisecond)
		old := r.running()
		r.after(time.Minute - 2*usageInterval)
		r.want("3 ready")
		for range 4000 {
			r.after(time.Millisecond)
			s := r.registry.Snapshot()
			if ready := s.Count(registry.Ready); ready < 3 || len(s.Instances) > 4 {
				t.Fatalf("%d ready, %d instances", ready, len(s.Instances))
			}
		}
		for _, p := range old {
			if p.alive() {
				t.Error("an old instance still runs")
			}
		}
		r.want("3 ready")
	})
}

// TestRecycleWaitsForTheNew: an instance stays in service until a new one is ready.
func TestRecycleWaitsForTheNew(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		old := r.running()[0]
		r.refuseStarts(errors.New("no memory"))
		r.after(time.Hour)
		r.want("1 ready")
		if !old.alive() {
			t.Fatal("the old instance was stopped")
		}
		if got := r.board.Snapshot().Trouble; got != "no memory" {
			t.Errorf("trouble %q", got)
		}
		r.refuseStarts(nil)
		r.after(backoffMax * 2)
		r.want("1 ready")
		if old.alive() {
			t.Error("the old instance was not replaced")
		}
		if got := r.board.Snapshot().Trouble; got != "" {
			t.Errorf("trouble %q", got)
		}
	})
}

// TestRecycleInVain: instances that reach maxMemory right after their start are
// recycled less and less often, and the log says why.
func TestRecycleInVain(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		begun := time.Now()
		for _, c := range []struct {
			at     time.Duration
			starts int // the first two, and the replacements
		}{
			{20 * time.Second, 2 + 1},
			{time.Minute, 2 + 2}, // after 30 s
			{2 * time.Minute, 2 + 3},
			{3 * time.Hour, 2 + 9}, // an hour between the last two
		} {
			r.after(c.at - time.Since(begun))
			r.want("2 ready")
			if got := len(r.all()); got != c.starts {
				t.Fatalf("%d starts after %v, want %d", got, c.at, c.starts)
			}
		}
		starts := len(r.all())
		if got := r.log.count("level=WARN msg=\"instance uses as much as maxMemory"); got != starts {
			t.Errorf("%d warnings, want %d", got, starts)
		}
		r.Scale(3, "test") // other starts are not delayed
		r.after(50 * time.Millisecond)
		r.want("3 ready")
	})
}

// TestRecycleInVainNoMore: after maxMemory was raised, instances that reach it
// later are recycled without delay.
func TestRecycleInVainNoMore(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(10 * time.Second)
		if err := result(t, r.configure(func(c *Settings) { c.MaxMemory = 2000 })); err != nil {
			t.Fatal(err)
		}
		r.after(earlyMemory)
		for starts := len(r.all()); starts < 6; starts++ {
			if got := len(r.all()); got != starts {
				t.Fatalf("%d starts, want %d", got, starts)
			}
			r.running()[0].set(func(p *fakeProcess) { p.usage.Memory = 2000 })
			r.after(2 * usageInterval)
			r.after(earlyMemory)
		}
		if got := r.log.count("right after its start"); got != 2 {
			t.Errorf("%d warnings, want the two of before", got)
		}
	})
}

// TestRecycleSpike: an instance that reached maxMemory for a moment after its start
// is recycled without delay when it reaches it again much later.
func TestRecycleSpike(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(4 * time.Minute) // four are replaced; the fifth would stay for four more minutes
		p := r.running()[0]
		p.set(func(p *fakeProcess) { p.usage.Memory = 1 })
		r.after(time.Minute)
		starts := len(r.all())
		r.set(func(m *machine) { m.usage.Memory = 1 })
		p.set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		r.after(2 * usageInterval)
		if got := len(r.all()) - starts; p.alive() || got != 1 {
			t.Errorf("running: %v, %d starts; want a replacement", p.alive(), got)
		}
	})
}

// TestRecycledInstanceStopsFirst: when the target falls, the instance that is to be
// recycled is stopped, and no other takes its place.
func TestRecycledInstanceStopsFirst(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, m *machine) { c.MaxMemory = 1000 }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		old := r.all()[0]
		old.set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		r.bootIn(10 * time.Second)
		r.after(2 * time.Second)
		r.want("1 starting 2 ready")
		r.Scale(1, "test")
		r.after(100 * time.Millisecond)
		r.want("1 ready")
		if old.alive() {
			t.Error("the instance that uses too much memory stayed")
		}
	})
}

// TestUsageIsPublished: the registry has the usage of an instance.
func TestUsageIsPublished(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.running()[0].set(func(p *fakeProcess) { p.usage = procfs.Usage{Memory: 77, CPU: time.Second} })
		r.after(usageInterval)
		if got := r.registry.Snapshot().Instances[0].Usage; got.Memory != 77 || got.CPU != time.Second || got.Measured.IsZero() {
			t.Errorf("usage %+v", got)
		}
	})
}

// TestRecycleWhereUsageIsUnknown: on a system without usage figures, instances are
// recycled by age.
func TestRecycleWhereUsageIsUnknown(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		old := r.running()[0]
		old.set(func(p *fakeProcess) { p.usageErr = fmt.Errorf("measure process: %w", errors.ErrUnsupported) })
		r.after(2 * time.Minute)
		if old.alive() {
			t.Error("an instance older than maxAge still runs")
		}
		r.want("1 ready")
	})
}
