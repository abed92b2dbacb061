package registry

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgress: a response and each piece of content are progress.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := add(t, r, Ready)
		lease := acquire(t, r)
		if got := snapshotOf(t, r, id).LastProgress; !got.IsZero() {
			t.Errorf("progress at %v before there was any", got)
		}
		for _, c := range []struct {
			name string
			do   func()
			want bool
		}{
			{"a piece of content", lease.Progressed, true},
			{"an error", func() { lease.Failed("test") }, false},
			{"a response", func() { lease.Responded(time.Second, 503) }, true},
			{"the next piece", lease.Progressed, true},
		} {
			time.Sleep(time.Second)
			c.do()
			if got := snapshotOf(t, r, id).LastProgress.Equal(time.Now()); got != c.want {
				t.Errorf("%s counts as progress: %v", c.name, got)
			}
		}
		lease.Release()
	})
}

// TestAbandoned: the instance may still work on a request that ended without a
// response.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := add(t, r, Ready)
		time.Sleep(time.Second)
		answered := acquire(t, r)
		answered.Responded(time.Second, 200)
		answered.Release()
		if got := snapshotOf(t, r, id).LastAbandoned; !got.IsZero() {
			t.Errorf("a request with a response counts as abandoned at %v", got)
		}
		abandoned := acquire(t, r) // has the slot of the answered one
		answered.Responded(time.Second, 200)
		abandoned.Release()
		at := time.Now()
		time.Sleep(time.Second)
		if got := snapshotOf(t, r, id).LastAbandoned; !got.Equal(at) {
			t.Errorf("abandoned at %v, want %v", got, at)
		}
	})
}

// TestImplicated: the requests that an instance had when it stopped answering are
// implicated, and later ones are not.
func TestImplicated(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Ready)
	over, before := acquire(t, r), acquire(t, r)
	claims := snapshotOf(t, r, id).Total
	over.Release()
	after := acquire(t, r) // has the slot of the one that is over
	if before.Implicated() {
		t.Error("implicated before the instance became unresponsive")
	}
	if err := r.Unresponsive(id, claims); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		lease Lease
		want  bool
	}{
		{"one that is over", over, false},
		{"one in flight", before, true},
		{"one that came later", after, false},
		{"none", Lease{}, false},
	} {
		if got := c.lease.Implicated(); got != c.want {
			t.Errorf("%s: implicated is %v", c.name, got)
		}
	}
	if err := r.Unresponsive("unknown", 1); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("unknown instance: %v", err)
	}
}
