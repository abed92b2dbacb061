package autoscaler

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// target is a Fleet that notes its target.
type target struct{ n int }

func (f *target) Scale(n int, _ string) { f.n = n }

// newSaved returns a Scaler without instances, and its fleet.
func newSaved(bounds notice.Bounds) (*Scaler, *target) {
	r, f := registry.New(registry.Options{}), new(target)
	s := NewScaler(Options{Board: notice.New(r), Fleet: f, Pool: r, Log: slog.New(slog.DiscardHandler)},
		Settings{Bounds: bounds, Window: time.Second, Idle: 10 * time.Second, Thresholds: Thresholds{Up: 3, Down: 0.5}})
	return s, f
}

// TestSaved: another process goes on with the target and its hold, and no field of Saved
// is lost.
func TestSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bounds := notice.Bounds{Min: 1, Max: 8}
		before, _ := newSaved(bounds)
		before.Start()
		before.Step()
		before.delay = removalDelay{1, time.Now(), time.Now()}
		before.woken, before.booting = time.Now(), bootTime{time.Second, time.Now()}
		before.demand.saturated.responses, before.demand.saturated.seconds = 3, 4
		if _, err := before.ScaleTo(5, time.Minute, "test"); err != nil {
			t.Fatal(err)
		}
		before.loads, before.count = 2, 3
		before.surplus.spans[0].loads, before.surplus.spans[0].arrivals = 1, 7
		before.delay.fell = time.Now()
		saved := before.Save()
		for _, v := range []reflect.Value{reflect.ValueOf(saved), reflect.ValueOf(saved.Spans[0]), reflect.ValueOf(saved.Delay)} {
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("%s has no value in this test", v.Type().Field(i).Name)
				}
			}
		}
		text, err := json.Marshal(saved)
		if err != nil {
			t.Fatal(err)
		}
		var read Saved
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		after, fleet := newSaved(bounds)
		after.Restore(read)
		after.Start()
		if again, _ := json.Marshal(after.Save()); !bytes.Equal(again, text) {
			t.Errorf("got  %s\nwant %s", again, text)
		}
		if now := after.Board.Snapshot(); now.Target != 5 || fleet.n != 5 || !now.HoldUntil.Equal(before.holdUntil) {
			t.Errorf("target %d, of the fleet %d, hold until %v", now.Target, fleet.n, now.HoldUntil)
		}
		time.Sleep(30 * time.Second) // no load, and a hold
		after.Step()
		if fleet.n != 5 {
			t.Errorf("the hold is lost: target %d", fleet.n)
		}
	})
}

// TestSavedOutOfBounds: the bounds of the present config hold.
func TestSavedOutOfBounds(t *testing.T) {
	t.Parallel()
	s, fleet := newSaved(notice.Bounds{Min: 1, Max: 4})
	s.Restore(Saved{Known: true, Target: 7, Reason: "before"})
	s.Start()
	if now := s.Board.Snapshot(); now.Target != 4 || fleet.n != 4 || now.Bounds.Max != 4 {
		t.Errorf("target %d, of the fleet %d, bounds %v", now.Target, fleet.n, now.Bounds)
	}
}

// TestSavedNothing: without a saved state the target is the lower bound.
func TestSavedNothing(t *testing.T) {
	t.Parallel()
	s, fleet := newSaved(notice.Bounds{Min: 2, Max: 4})
	s.Restore(Saved{})
	s.Start()
	if fleet.n != 2 {
		t.Errorf("target %d", fleet.n)
	}
}
