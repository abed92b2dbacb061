package registry

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestCulprit: a request is the reason for the end of its instance if the instance
// ended by itself and had no other request when the connection broke.
func TestCulprit(t *testing.T) {
	t.Parallel()
	broke := func(leases ...Lease) {
		for i, l := range leases {
			l.Broke("GET", fmt.Sprint("/", i))
		}
	}
	for name, c := range map[string]struct {
		others int // requests in flight beside the first one
		end    Ending
		during func(first Lease, others []Lease)
		want   bool
		named  []string
	}{
		"alone":                  {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) { broke(l) }, true, []string{"GET /0"}},
		"killed from outside":    {0, Ending{"signal: killed", false}, func(l Lease, _ []Lease) { broke(l) }, false, []string{"GET /0"}},
		"did not break":          {0, Ending{"exit status 1", true}, func(Lease, []Lease) {}, false, nil},
		"beside another one":     {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) { broke(l, o[0]) }, false, []string{"GET /0", "GET /1"}},
		"beside a long response": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) { o[0].Responded(0, 200); broke(l) }, false, []string{"GET /0"}},
		"in its response": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.Responded(0, 200)
			broke(l)
		}, true, []string{"GET /0"}},
		"beside another one in its response": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Responded(0, 200)
			o[0].Broke("GET", "/report")
			o[0].Release()
			broke(l)
		}, false, []string{"GET /0", "GET /report"}},
		"after another one that is answered": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Broke("POST", "/other")
			o[0].Release()
			broke(l)
		}, false, []string{"POST /other", "GET /0"}},
		"answered when it was sent again": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			broke(l)
			l.Responded(0, 200)
		}, false, nil},
		"long after another one": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Broke("POST", "/other")
			o[0].Release()
			time.Sleep(2 * sameDeath)
			broke(l)
		}, true, []string{"GET /0"}},
		"beside an idle stream": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Stream()
			time.Sleep(2 * streamWork)
			broke(l)
		}, true, []string{"GET /0"}},
		"beside a stream that has just begun": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Stream()
			broke(l)
		}, false, []string{"GET /0"}},
		"beside a stream with a message": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Stream()
			time.Sleep(2 * streamWork)
			o[0].Uploaded(1)
			broke(l)
		}, false, []string{"GET /0"}},
		"beside a stream that gets content": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Stream()
			time.Sleep(2 * streamWork)
			o[0].Carried(1)
			o[0].Broke("GET", "/events")
			broke(l)
		}, true, []string{"GET /0"}},
		"an idle stream": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.Stream()
			time.Sleep(2 * streamWork)
			l.Broke("GET", "/events")
		}, false, []string{"GET /events"}},
		"beside a tunnel with a message": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].Stream()
			o[0].Responded(0, 101)
			time.Sleep(2 * streamWork)
			o[0].Uploaded(1)
			broke(l)
			o[0].TunnelEnded("GET /ws", 0)
			o[0].TunnelEnded("GET /ws", 0)
		}, false, []string{"GET /0", "GET /ws (tunnel)"}},
		"a tunnel with a message": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.Stream()
			l.TunnelEnded("GET /ws", streamWork)
		}, true, []string{"GET /ws (tunnel)"}},
		"an idle tunnel": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.Stream()
			l.TunnelEnded("GET /ws", 2*streamWork)
		}, false, nil},
		"answered by the end of its connection": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.AnsweredByEnd("GET", "/0")
		}, false, []string{"GET /0"}},
		"answered so long before": {0, Ending{"exit status 1", true}, func(l Lease, _ []Lease) {
			l.AnsweredByEnd("GET", "/0")
			time.Sleep(2 * sameDeath)
		}, false, nil},
		"beside one that was answered so": {1, Ending{"exit status 1", true}, func(l Lease, o []Lease) {
			o[0].AnsweredByEnd("GET", "/other")
			o[0].Release()
			broke(l)
		}, true, []string{"GET /0"}},
		"six": {5, Ending{"exit status 1", true}, func(l Lease, o []Lease) { broke(append([]Lease{l}, o...)...) }, false, []string{"GET /0", "GET /1", "GET /2", "GET /3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := New(Options{})
				defer r.Close()
				id := r.Add(Spec{})
				if err := r.Transition(id, Ready, ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				var leases []Lease
				for range c.others + 1 {
					leases = append(leases, mustTry(t, r))
				}
				c.during(leases[0], leases[1:])
				if err := r.Ended(id, c.end); err != nil {
					t.Fatal(err)
				}
				<-leases[0].Ended()
				exit, got := leases[0].Culprit()
				if got != c.want || exit != c.end.Reason {
					t.Errorf("culprit: %v, %q; want %v", got, exit, c.want)
				}
				if lost := r.Casualties(id); !slices.Equal(lost.Named, c.named) {
					t.Errorf("casualties %+v, want %v", lost, c.named)
				}
			})
		})
	}
}

// TestEndedGetsNoRequests: an instance whose end is reported gets no requests, whatever
// its state is. Its requests that have not noticed are pending.
func TestEndedGetsNoRequests(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	defer r.Close()
	id := r.Add(Spec{})
	if err := r.Transition(id, Ready, ""); err != nil {
		t.Fatal(err)
	}
	lease := mustTry(t, r)
	if err := r.Ended(id, Ending{"exit status 1", true}); err != nil {
		t.Fatal(err)
	}
	if other, err := r.Try(Preference{}); err != nil || other.Valid() {
		t.Errorf("got %v (%v)", other.ID(), err)
	}
	if got := r.Casualties(id).Pending; got != 1 {
		t.Errorf("%d pending, want 1", got)
	}
	lease.Broke("GET", "/")
	if got := r.Casualties(id).Pending; got != 0 {
		t.Errorf("%d pending, want none", got)
	}
	lease.Release()
	if _, culprit := lease.Culprit(); culprit {
		t.Error("a released claim is the culprit")
	}
	if got := r.Ended("unknown", Ending{}); got == nil {
		t.Error("no error for an unknown instance")
	}
}

// TestPendingInResponse: a request whose response has begun is pending as long as it has
// not noticed the end of its instance. A stream is only if it had something to work on.
func TestPendingInResponse(t *testing.T) {
	t.Parallel()
	for _, working := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { pendingInResponse(t, working) })
	}
}

func pendingInResponse(t *testing.T, working bool) {
	r := New(Options{})
	defer r.Close()
	id := r.Add(Spec{})
	if err := r.Transition(id, Ready, ""); err != nil {
		t.Fatal(err)
	}
	lease, stream := mustTry(t, r), mustTry(t, r)
	stream.Stream()
	for _, l := range []Lease{lease, stream} {
		l.Responded(0, 200)
	}
	time.Sleep(2 * streamWork)
	want := 1
	if working {
		stream.Uploaded(1)
		want = 2
	}
	if err := r.Ended(id, Ending{"exit status 1", true}); err != nil {
		t.Fatal(err)
	}
	if got := r.Casualties(id).Pending; got != want {
		t.Errorf("%d pending, want %d", got, want)
	}
	lease.Broke("GET", "/")
	if working {
		stream.TunnelEnded("GET /ws", 0)
	}
	if got := r.Casualties(id).Pending; got != 0 {
		t.Errorf("%d pending, want none", got)
	}
	for _, l := range []Lease{lease, stream} {
		l.Release()
	}
}

func mustTry(t *testing.T, r *Registry) Lease {
	t.Helper()
	lease, err := r.Try(Preference{})
	if err != nil || !lease.Valid() {
		t.Fatalf("no instance: %v", err)
	}
	return lease
}

// TestChurn: tunnels that end all the time are no part of the end of their instance, which has
// answered others since, however close together they are.
func TestChurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		defer r.Close()
		id := add(t, r, Ready)
		tunnel := func(name string) {
			l := mustTry(t, r)
			l.Responded(time.Millisecond, http.StatusSwitchingProtocols)
			l.Stream()
			l.TunnelEnded(name, 0)
			l.Release()
			time.Sleep(sameDeath / 2)
		}
		for range 20 {
			tunnel("GET /old")
		}
		tunnel("GET /last")
		mustTry(t, r).Broke("GET", "/end")
		if err := r.Ended(id, Ending{"exit status 1", true}); err != nil {
			t.Fatal(err)
		}
		want := []string{"GET /end", "GET /last (tunnel)"}
		if lost := r.Casualties(id); lost.InFlight != 2 || !slices.Equal(lost.Named, want) {
			t.Errorf("casualties %+v, want 2, %v", lost, want)
		}
	})
}
