package registry

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// throughJSON returns what another process reads of a Saved.
func throughJSON(t *testing.T, s Saved) (out Saved) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lived returns a registry with a past: responses, failures, an ejection, a drain.
func lived(t *testing.T) (*Registry, Lease) {
	t.Helper()
	r := New(Options{MaxConcurrency: AutoConcurrency})
	var ids []ID
	for range 4 {
		ids = append(ids, add(t, r, Ready))
	}
	time.Sleep(time.Second)
	for range 4 {
		for i := range 40 {
			l, err := r.Acquire(t.Context(), Preference{})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(i) * time.Millisecond)
			l.Completed(time.Duration(i)*time.Millisecond, 200)
		}
	}
	broken := mustTry(t, r)
	for range ejectAfter {
		broken.Unreachable("test")
	}
	broken.Release()
	move(t, r, add(t, r, Ready), Stopped)
	gone := mustTry(t, r)
	gone.Release()
	r.pastClaims++
	spendAll(t, r)
	if err := r.SetHandle(ids[1], "pid 7"); err != nil {
		t.Fatal(err)
	}
	if err := r.SetUsage(ids[1], Usage{Memory: 1, CPU: time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := r.SetLinesDropped(ids[1], 3); err != nil {
		t.Fatal(err)
	}
	l := mustTry(t, r)
	l.Stream()
	l.Carried(5)
	if _, err := r.Drain(l.ID(), "test"); err != nil {
		t.Fatal(err)
	}
	r.Add(Spec{Port: 7, Version: "2", Staged: true, Reason: "new"})
	r.Pause()
	r.SetTrouble("trouble")
	return r, l
}

// TestSaved: another process has the same instances, with what is known of them.
func TestSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before, l := lived(t)
		defer before.Close()
		saved := before.Save(7)
		time.Sleep(3 * time.Second) // the time of the handover
		after := New(Options{MaxConcurrency: AutoConcurrency})
		defer after.Close()
		after.Restore(throughJSON(t, saved), false)
		want, got := before.Snapshot(), after.Snapshot()
		for i := range want.Instances {
			compare(t, &want.Instances[i], &got.Instances[i])
		}
		if v, w := got.BootTimes.Values(), want.BootTimes.Values(); !reflect.DeepEqual(v, w) {
			t.Errorf("boot times: got %v, want %v", v, w)
		}
		got.Instances, got.BootTimes, want.Instances, want.BootTimes = nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if !reflect.DeepEqual(after.learned.save(), before.learned.save()) || !before.learned.known && before.learned.took == 0 {
			t.Errorf("learned: got %+v, want %+v", after.learned.save(), before.learned.save())
		}
		l.Release()
		after.SetElsewhere(7, nil)
		select {
		case <-after.Drained(l.ID()):
		default:
			t.Error("not drained when the other process has no request any more")
		}
	})
}

// compare fails unless two instances are alike, with what they have served.
func compare(t *testing.T, want, got *Instance) {
	t.Helper()
	for digit := range classes {
		if got.Served.Class(digit) != want.Served.Class(digit) {
			t.Errorf("%s: %d responses of %dxx, want %d", got.ID, got.Served.Class(digit), digit, want.Served.Class(digit))
		}
	}
	if g, w := got.Served.Times.Values(), want.Served.Times.Values(); !reflect.DeepEqual(g, w) {
		t.Errorf("%s: times %v, want %v", got.ID, g, w)
	}
	w, g := *want, *got
	w.Served, g.Served = nil, nil
	a, b := reflect.ValueOf(w), reflect.ValueOf(g)
	for i := range a.NumField() {
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if at, ok := x.(time.Time); ok && at.Equal(y.(time.Time)) {
			continue
		}
		if u, ok := x.(Usage); ok {
			o := y.(Usage)
			same := u.Measured.Equal(o.Measured)
			u.Measured, o.Measured = time.Time{}, time.Time{}
			if same && u == o {
				continue
			}
		} else if reflect.DeepEqual(x, y) {
			continue
		}
		t.Errorf("%s of %s: got %v, want %v", a.Type().Field(i).Name, want.ID, y, x)
	}
}

// TestSavedEveryField: a new field of Saved must be set by the past of lived, so that
// TestSaved notices when it is lost.
func TestSavedEveryField(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := lived(t)
		defer r.Close()
		b, err := json.Marshal(r.Save(7))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range []reflect.Type{
			reflect.TypeFor[Saved](), reflect.TypeFor[SavedInstance](), reflect.TypeFor[savedLatency](), reflect.TypeFor[savedFailures](), reflect.TypeFor[Elsewhere](),
		} {
			for f := range typ.Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if !strings.Contains(string(b), `"`+name+`":`) {
					t.Errorf("%s.%s has no value in this test", typ.Name(), f.Name)
				}
			}
		}
	})
}

// TestSavedGone: the requests of a process that is gone are gone too.
func TestSavedGone(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	add(t, r, Ready)
	mustTry(t, r)
	after := New(Options{})
	after.Restore(throughJSON(t, r.Save(7)), true)
	if in := after.Snapshot().Instances[0]; in.InFlight != 0 || in.Total != 1 {
		t.Errorf("got %+v", in)
	}
	if l := mustTry(t, after); !l.Valid() {
		t.Error("no instance")
	}
}

// TestSavedEjectionEnds: an ejection ends when the process before would have ended it.
func TestSavedEjectionEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before, _ := lived(t)
		saved := before.Save(7)
		before.Close()
		time.Sleep(defaultEjection / 2)
		after := New(Options{})
		defer after.Close()
		after.Restore(throughJSON(t, saved), true)
		ejected := func() (n int) {
			for _, in := range after.Snapshot().Instances {
				if !in.EjectedUntil.IsZero() {
					n++
				}
			}
			return n
		}
		if ejected() != 1 {
			t.Errorf("%d ejected, want 1", ejected())
		}
		time.Sleep(defaultEjection/2 + time.Second)
		if ejected() != 0 {
			t.Errorf("%d ejected, want 0", ejected())
		}
	})
}

// TestSavedNothing: nothing that was saved is what a first process has.
func TestSavedNothing(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	r.Restore(Saved{}, false)
	add(t, r, Ready)
	if l := mustTry(t, r); !l.Valid() {
		t.Error("no instance")
	}
}
