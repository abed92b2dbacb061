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

// eventWith returns whether an event has a reason.
func eventWith(reason string) func(notice.Event) bool {
	return func(e notice.Event) bool { return strings.Contains(e.Reason, reason) }
}

// TestRecycle: an instance that has reached a limit of its life is replaced, and
// a new one is ready before it drains.
func TestRecycle(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  func(*Settings)
		reach  func(*testing.T, *bench)
		reason string
	}{
		{"requests", func(c *Settings) { c.MaxRequests = 3 }, func(t *testing.T, b *bench) {
			for range 3 {
				lease, err := b.registry.Acquire(t.Context(), registry.Preference{}) // always of the first, which is idle
				if err != nil {
					t.Fatal(err)
				}
				lease.Release()
			}
		}, "served 3 requests (maxRequests is 3)"},
		{"memory", func(c *Settings) { c.MaxMemory = 1000 }, func(_ *testing.T, b *bench) {
			b.all()[0].set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		}, "uses 1000 bytes of memory (maxMemory is 1000)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			supervise(t, func(settings *Settings, _ *machine) { c.limit(settings) }, func(t *testing.T, b *bench) {
				b.Scale(2, "test")
				b.after(50 * time.Millisecond)
				old := b.running()
				b.after(10 * time.Second)
				if got := len(b.all()); got != 2 {
					t.Fatalf("%d starts before a limit was reached", got)
				}
				c.reach(t, b)
				for range 2000 {
					b.after(time.Millisecond)
					if ready := b.ready(); ready < 2 {
						t.Fatalf("only %d ready", ready)
					}
				}
				b.want("2 ready")
				if old[0].alive() || !old[1].alive() || len(b.all()) != 3 {
					t.Errorf("old ones alive: %v, %v; %d starts", old[0].alive(), old[1].alive(), len(b.all()))
				}
				_, events, _ := b.board.Since(0)
				for _, want := range []string{c.reason, "replaces one that " + c.reason} {
					found := false
					for _, e := range events {
						found = found || e.Reason == want
					}
					if !found {
						t.Errorf("no event says %q", want)
					}
				}
				if got := b.board.Snapshot().Restarts; got != 0 {
					t.Errorf("%d restarts counted: nothing failed", got)
				}
			})
		})
	}
}

// TestRecycleByAge: those that get old together are replaced one after the other.
func TestRecycleByAge(t *testing.T) {
	supervise(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, b *bench) {
		b.Scale(3, "test")
		b.after(50 * time.Millisecond)
		old := b.running()
		b.after(time.Minute - 2*measureInterval)
		b.want("3 ready")
		for range 4000 {
			b.after(time.Millisecond)
			s := b.registry.Snapshot()
			if ready := s.Count(registry.Ready); ready < 3 || len(s.Instances) > 4 {
				t.Fatalf("%d ready, %d in all", ready, len(s.Instances))
			}
		}
		for _, p := range old {
			if p.alive() {
				t.Error("an old one is left")
			}
		}
		b.want("3 ready")
	})
}

// TestRecycleWaitsForTheNew: as long as no new instance comes up, the old one
// stays in service.
func TestRecycleWaitsForTheNew(t *testing.T) {
	supervise(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		old := b.running()[0]
		b.deny(errors.New("no memory"))
		b.after(time.Hour)
		b.want("1 ready")
		if !old.alive() {
			t.Fatal("the old one is gone")
		}
		if got := b.board.Snapshot().Trouble; got != "no memory" {
			t.Errorf("trouble %q", got)
		}
		b.deny(nil)
		b.after(backoffMax * 2)
		b.want("1 ready")
		if old.alive() {
			t.Error("the old one was not replaced")
		}
		if got := b.board.Snapshot().Trouble; got != "" {
			t.Errorf("trouble %q", got)
		}
	})
}

// TestRecycleInVain: what uses more memory than it may right after its start is
// not replaced over and over, and the log says why.
func TestRecycleInVain(t *testing.T) {
	supervise(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		begun := time.Now()
		for _, c := range []struct {
			at     time.Duration
			starts int // the first two, and those in their place
		}{
			{20 * time.Second, 2 + 1},
			{time.Minute, 2 + 2}, // after 30 s
			{2 * time.Minute, 2 + 3},
			{3 * time.Hour, 2 + 9}, // an hour between the last two
		} {
			b.after(c.at - time.Since(begun))
			b.want("2 ready")
			if got := len(b.all()); got != c.starts {
				t.Fatalf("%d starts after %v, want %d", got, c.at, c.starts)
			}
		}
		starts := len(b.all())
		if got := b.log.count("level=WARN msg=\"instance uses as much as maxMemory"); got != starts {
			t.Errorf("%d warnings, want %d", got, starts)
		}
		b.Scale(3, "test") // nothing holds that up
		b.after(50 * time.Millisecond)
		b.want("3 ready")
	})
}

// TestRecycleInVainNoMore: that maxMemory was too low does not delay what comes
// after it was raised, nor the replacement of what takes its time to reach it.
func TestRecycleInVainNoMore(t *testing.T) {
	supervise(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(10 * time.Second)
		if err := result(t, b.configure(func(c *Settings) { c.MaxMemory = 2000 })); err != nil {
			t.Fatal(err)
		}
		b.after(soonOutgrown)
		for starts := len(b.all()); starts < 6; starts++ {
			if got := len(b.all()); got != starts {
				t.Fatalf("%d starts, want %d", got, starts)
			}
			b.running()[0].set(func(p *fakeProcess) { p.usage.Memory = 2000 })
			b.after(2 * measureInterval)
			b.after(soonOutgrown)
		}
		if got := b.log.count("right after its start"); got != 2 {
			t.Errorf("%d warnings, want the two before", got)
		}
	})
}

// TestRecycleSpike: an instance that used too much for a moment after its start is
// replaced at once when it does so much later.
func TestRecycleSpike(t *testing.T) {
	supervise(t, func(c *Settings, m *machine) { c.MaxMemory, m.usage.Memory = 1000, 1000 }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(4 * time.Minute) // four are replaced; the fifth would be kept for as long again
		p := b.running()[0]
		p.set(func(p *fakeProcess) { p.usage.Memory = 1 })
		b.after(time.Minute)
		starts := len(b.all())
		b.machine.mu.Lock()
		b.usage.Memory = 1
		b.machine.mu.Unlock()
		p.set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		b.after(2 * measureInterval)
		if got := len(b.all()) - starts; p.alive() || got != 1 {
			t.Errorf("not replaced; %d starts", got)
		}
	})
}

// TestRecycleGoesFirst: when there are too many, the one that is to be replaced
// goes, and nothing takes its place.
func TestRecycleGoesFirst(t *testing.T) {
	supervise(t, func(c *Settings, m *machine) { c.MaxMemory = 1000 }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		old := b.all()[0]
		old.set(func(p *fakeProcess) { p.usage.Memory = 1000 })
		b.slow(10 * time.Second)
		b.after(2 * time.Second)
		b.want("1 starting 2 ready")
		b.Scale(1, "test")
		b.after(100 * time.Millisecond)
		b.want("1 ready")
		if old.alive() {
			t.Error("the one that uses too much stayed")
		}
	})
}

// TestUsageIsPublished: what an instance uses can be read in the registry.
func TestUsageIsPublished(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.running()[0].set(func(p *fakeProcess) { p.usage = procfs.Usage{Memory: 77, CPU: time.Second} })
		b.after(measureInterval)
		if got := b.registry.Snapshot().Instances[0].Usage; got.Memory != 77 || got.CPU != time.Second || got.Measured.IsZero() {
			t.Errorf("usage %+v", got)
		}
	})
}

// TestRecycleWhereUsageIsUnknown: a system that does not tell what a process uses
// still has its instances replaced by age.
func TestRecycleWhereUsageIsUnknown(t *testing.T) {
	supervise(t, func(c *Settings, _ *machine) { c.MaxAge = time.Minute }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		old := b.running()[0]
		old.set(func(p *fakeProcess) { p.usageErr = fmt.Errorf("measure process: %w", errors.ErrUnsupported) })
		b.after(2 * time.Minute)
		if old.alive() {
			t.Error("an instance older than maxAge is left")
		}
		b.want("1 ready")
	})
}
