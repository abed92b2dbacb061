package policy

import (
	"testing"
	"time"
)

// TestSavedTidiness: an instance that is proven, or is not trusted, is so in another process.
func TestSavedTidiness(t *testing.T) {
	t.Parallel()
	var proven, untrusted, half Tidiness
	for range provenAfter {
		proven.After(true)
		proven.Rested(true, true)
	}
	half.After(true)
	half.Rested(true, true)
	untrusted.Stray()
	for _, test := range []struct {
		before *Tidiness
		want   Reuse
	}{{&proven, Now}, {&untrusted, Close}, {&half, Rest}, {new(Tidiness), Rest}} {
		var after Tidiness
		after.Restore(test.before.Save())
		if after.Save() != test.before.Save() {
			t.Errorf("got %+v, want %+v", after.Save(), test.before.Save())
		}
		if got := after.After(true); got != test.want {
			t.Errorf("%+v: %v, want %v", test.before.Save(), got, test.want)
		}
	}
	var odd Tidiness
	odd.Restore(SavedTidiness{Quiet: -7, Bare: 1000})
	if s := odd.Save(); s != (SavedTidiness{Bare: provenAfter}) {
		t.Errorf("got %+v", s)
	}
}

// TestSavedIdleTime: another process knows how long the instances keep idle connections.
func TestSavedIdleTime(t *testing.T) {
	t.Parallel()
	var before, after IdleTime
	before.Answered(3 * time.Second)
	before.Ended(5 * time.Second)
	before.Survived(11 * time.Second)
	before.Limit(false, time.Minute)
	before.fresh.Store(2)
	after.Restore(before.Save())
	want := SavedIdleTime{Reuses: true, Survived: 11 * time.Second, Ended: 5 * time.Second, Doubt: 1, Fresh: 2}
	if got := after.Save(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, idempotent := range []bool{true, false} {
		if got, want := after.Limit(idempotent, time.Minute), before.Limit(idempotent, time.Minute); got != want {
			t.Errorf("limit %v, want %v", got, want)
		}
	}
}
