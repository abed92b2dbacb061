package autoscaler

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/machine"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// shared runs a test with two apps on one machine, whose instances use 1 GiB each.
func shared(t *testing.T, m *bench, settings Settings, test func(t *testing.T, a, b *Autoscaler, of [2]*fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m.since = time.Now()
		room := NewRoom(m)
		ctx, cancel := context.WithCancel(t.Context())
		var scalers [2]*Autoscaler
		var fleets [2]*fleet
		for i := range scalers {
			r := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: time.Hour})
			fleets[i] = &fleet{registry: r}
			fleets[i].boot.Store(int64(boot))
			scalers[i] = New(Options{Board: notice.New(r), Fleet: fleets[i], Pool: r, Room: room, Log: slog.New(slog.DiscardHandler)}, settings)
			go scalers[i].Run(ctx) // the bubble waits for it
		}
		wait(2 * time.Second)
		for _, f := range fleets {
			for _, in := range f.registry.Snapshot().Instances {
				if err := f.registry.SetUsage(in.ID, registry.Usage{Memory: gib}); err != nil {
					t.Fatal(err)
				}
			}
		}
		test(t, scalers[0], scalers[1], fleets)
		cancel()
		for _, a := range scalers {
			<-a.done
		}
		if n := len(room.shares); n != 0 {
			t.Errorf("%d apps that have ended still have a share", n)
		}
	})
}

// TestMemoryIsShared: two apps add no more instances together than memory has room for:
// those that one has just begun to start have their part of it.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Brakes = Brakes{Memory: true}
	m := &bench{left: 64 * gib}
	shared(t, m, settings, func(t *testing.T, a, b *Autoscaler, of [2]*fleet) {
		for _, f := range of {
			f.boot.Store(int64(time.Hour))
		}
		m.set(0, 5*gib+gib/2)
		wait(time.Second)
		releases := []func(){busy(t, of[0].registry, 40), busy(t, of[1].registry, 40)}
		wait(20 * time.Second)
		if n := of[0].size() + of[1].size(); n != 9 {
			t.Errorf("%d and %d instances, want 4 and room for 5 more", of[0].size(), of[1].size())
		}
		const want = "an instance uses 1024MiB; other apps are about to use "
		braked := strings.Join(append(events(a.scaler.Board, notice.Braked), events(b.scaler.Board, notice.Braked)...), "\n")
		if !strings.Contains(braked, want) {
			t.Errorf("events %s, want one with %q", braked, want)
		}
		for _, release := range releases {
			release()
		}
	})
}

// TestProcessorsAreShared: on busy processors, the load adds instances up to their number
// for all apps together.
func TestProcessorsAreShared(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Brakes, settings.Bounds.Min = Brakes{Processors: true}, 1
	m := &bench{left: 64 * gib, busy: 2}
	shared(t, m, settings, func(t *testing.T, _, _ *Autoscaler, of [2]*fleet) {
		for _, f := range of {
			use(t, f, 0.9)
		}
		releases := []func(){busy(t, of[0].registry, 40), busy(t, of[1].registry, 40)}
		wait(20 * time.Second)
		if of[0].size() != 1 || of[1].size() != 1 {
			t.Errorf("%d and %d instances on 2 busy processors, want 1 each", of[0].size(), of[1].size())
		}
		for _, release := range releases {
			release()
		}
	})
}

// counted counts the readings of a machine.
type counted struct{ readings int }

func (c *counted) Read() machine.Reading {
	c.readings++
	return machine.Reading{}
}

// TestRoomReadsSeldom: a hundred apps read the machine no more often than one.
func TestRoomReadsSeldom(t *testing.T) {
	t.Parallel()
	m := new(counted)
	room, now := NewRoom(m), time.Now()
	for i := range 10 {
		at := now.Add(time.Duration(i) * sampleInterval)
		for range 100 {
			if _, got := room.read(at); !got.Equal(at) {
				t.Errorf("the reading is of %v, want %v", got, at)
			}
		}
	}
	if m.readings != 10 {
		t.Errorf("the machine was read %d times, want 10", m.readings)
	}
}
