package notice

import (
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestWatch: changes of the registry and of the report wake the same reader, and
// those before a read are one value.
func TestWatch(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	changed, stop := b.Watch()
	var id registry.ID
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"an instance", func() { id = add(t, r) }},
		{"a target", func() { b.SetTarget(2, Bounds{Max: 8}, time.Time{}, "test") }},
		{"a hold", func() { b.SetTarget(2, Bounds{Max: 8}, time.Now(), "test") }},
		{"a trouble", func() { b.SetTrouble("no such file") }},
		{"its end", func() { b.SetTrouble("") }},
		{"an exit", func() { b.SetLastExit(Exit{ID: id}) }},
		{"a restart", b.CountRestart},
		{"a reload", func() { b.SetReload(nil) }},
		{"a handle", func() { _ = r.SetHandle(id, "pid 1") }},
		{"several changes", func() { b.CountRestart(); add(t, r); b.CountRestart() }},
	} {
		c.do()
		select {
		case <-changed:
		default:
			t.Errorf("%s was not announced", c.name)
		}
		select {
		case <-changed:
			t.Errorf("%s was announced twice", c.name)
		default:
		}
	}
	lease, err := r.Try(registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	stop()
	b.CountRestart()
	select {
	case <-changed:
		t.Error("traffic was announced, or a change after stop")
	default:
	}
}

func TestFirstToWaitIsAnnounced(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	changed, stop := b.Watch()
	defer stop()
	w := &registry.Waiter{Grant: func(registry.Lease, error) {}}
	if _, err := r.Enqueue(w); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("the first request that waits was not announced")
	}
	if got := b.Snapshot().Waiting; got != 1 {
		t.Errorf("waiting %d, want 1", got)
	}
}

// TestSnapshotIsOneMoment: the instances in a snapshot are those that its events
// tell of, however many changes come meanwhile.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	const instances = 30000 // enough to see a gap between two locks, nearly always
	b, r := newBoard()
	var changes sync.WaitGroup
	changes.Go(func() {
		for range instances {
			id := r.Add(registry.Spec{Reason: "test"})
			_ = r.Transition(id, registry.Stopped, "test")
		}
	})
	existing, seen := 0, uint64(0)
	for seen < 2*instances {
		now, events, lost := b.Since(seen)
		if lost > 0 {
			// An instance is added before it stops, so the number of events tells how
			// many there are.
			existing = int(now.NextEvent % 2)
		} else {
			for _, e := range events {
				if e.Type == Starting {
					existing++
				} else {
					existing--
				}
			}
		}
		if len(now.Instances) != existing {
			t.Fatalf("%d instances after event %d, want %d", len(now.Instances), now.NextEvent, existing)
		}
		seen = now.NextEvent
	}
	changes.Wait()
}
