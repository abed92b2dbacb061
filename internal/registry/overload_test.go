package registry

import (
	"errors"
	"testing"
	"time"
)

// pool is a registry with one ready instance that takes one request at a time, in a
// time of its own.
type pool struct {
	*Registry
	t       *testing.T
	now     time.Time
	granted []int   // the numbers of the requests, in the order of their grants
	refused []error // by number
	lease   Lease
}

func newPool(t *testing.T, o Options) *pool {
	p := &pool{t: t, now: time.Unix(1700000000, 0)}
	p.Registry = NewWithClock(o, func() time.Time { return p.now })
	p.SetGrowth(false)
	add(t, p.Registry, Ready)
	p.lease = acquire(t, p.Registry)
	return p
}

// arrive makes a request that waits.
func (p *pool) arrive() *Waiter {
	p.t.Helper()
	n := len(p.refused)
	p.refused = append(p.refused, nil)
	w := &Waiter{Grant: func(l Lease, err error) {
		if p.refused[n] = err; err == nil {
			p.lease, p.granted = l, append(p.granted, n)
		}
	}}
	lease, err := p.Enqueue(w)
	if lease.Valid() {
		p.t.Fatal("the instance was free")
	}
	p.refused[n] = err
	return w
}

// run makes a request arrive in each interval for a time, and lets the instance respond
// to one in each service time.
func (p *pool) run(last, interval, service time.Duration) {
	arrival, response := interval, service
	for at := time.Duration(0); at < last; at += time.Millisecond {
		p.now = p.now.Add(time.Millisecond)
		if arrival -= time.Millisecond; arrival == 0 {
			p.arrive()
			arrival = interval
		}
		if response -= time.Millisecond; response == 0 {
			p.lease.Responded(service, 200)
			p.lease.Release()
			response = service
		}
	}
}

// refusals returns how many requests were refused because of err.
func (p *pool) refusals(err error) int {
	n := 0
	for _, got := range p.refused {
		if errors.Is(got, err) {
			n++
		}
	}
	return n
}

var oneEach = Options{MaxConcurrency: 1, QueueLimit: 1024, QueueTimeout: 10 * time.Second}

// TestOverloadServesTheNewest checks that a queue that stands gives places to the newest
// requests, and refuses the oldest ones.
func TestOverloadServesTheNewest(t *testing.T) {
	t.Parallel()
	p := newPool(t, oneEach)
	p.run(400*time.Millisecond, 5*time.Millisecond, 10*time.Millisecond)
	for i, n := range p.granted {
		if n != i {
			t.Fatalf("grant %d went to request %d while the queue did not stand", i, n)
		}
	}
	if n := p.refusals(ErrOverloaded); n > 0 {
		t.Fatalf("%d requests were refused while the queue did not stand", n)
	}
	p.run(2600*time.Millisecond, 5*time.Millisecond, 10*time.Millisecond)
	last := p.granted[len(p.granted)-1]
	if newest := len(p.refused) - 1; last < newest-3 {
		t.Errorf("request %d got the last place, the newest is %d", last, newest)
	}
	refused := p.refusals(ErrOverloaded)
	if refused < 150 || refused+len(p.granted)+p.Waiting() != len(p.refused) {
		t.Errorf("%d were refused, %d got an instance, %d wait of %d", refused, len(p.granted), p.Waiting(), len(p.refused))
	}
	var e *RefusedError
	for n, err := range p.refused {
		if errors.As(err, &e) && (e.RetryAfter <= 0 || e.RetryAfter > 2*time.Second) {
			t.Fatalf("request %d: retry after %v, with %d or fewer before it", n, e.RetryAfter, n)
		}
	}
}

// TestOverloadSparesGrowth checks that requests wait for instances that can be added,
// or are starting.
func TestOverloadSparesGrowth(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(p *pool){
		"more instances are allowed": func(p *pool) { p.SetGrowth(true) },
		"an instance is starting":    func(p *pool) { p.Add(Spec{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, oneEach)
			prepare(p)
			p.run(3*time.Second, 5*time.Millisecond, 10*time.Millisecond)
			for i, n := range p.granted {
				if n != i || p.refusals(ErrOverloaded) > 0 {
					t.Fatalf("request %d got place %d, %d were refused", n, i, p.refusals(ErrOverloaded))
				}
			}
		})
	}
}

// TestHopelessQueueIsOverload checks that the instances that may be added do not matter
// when requests would wait for longer than the queue's timeout.
func TestHopelessQueueIsOverload(t *testing.T) {
	t.Parallel()
	o := oneEach
	o.QueueTimeout = 2 * time.Second
	p := newPool(t, o)
	p.SetGrowth(true)
	p.run(5*time.Second, 5*time.Millisecond, 10*time.Millisecond)
	if p.refusals(ErrOverloaded) == 0 {
		t.Error("no request was refused")
	}
}

// TestNoOverload checks that requests keep their order, and none is refused, however
// long they wait, as long as no more arrive than get an instance.
func TestNoOverload(t *testing.T) {
	t.Parallel()
	for name, load := range map[string]func(p *pool){
		"burst": func(p *pool) {
			for range 300 {
				p.arrive()
			}
			p.run(3*time.Second, 12*time.Millisecond, 10*time.Millisecond)
		},
		"clients that wait for the response": func(p *pool) {
			for range 100 {
				p.arrive()
			}
			p.run(5*time.Second, 10*time.Millisecond, 10*time.Millisecond)
		},
		"one long request": func(p *pool) {
			p.run(5*time.Second, 100*time.Millisecond, time.Hour)
			p.run(4*time.Second, 100*time.Millisecond, 50*time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, oneEach)
			load(p)
			for i, n := range p.granted {
				if n != i {
					t.Fatalf("request %d got place %d", n, i)
				}
			}
			if n := p.refusals(ErrOverloaded); n > 0 || len(p.granted) < 50 {
				t.Errorf("%d were refused, %d got an instance", n, len(p.granted))
			}
		})
	}
}

// TestClientsThatLeaveAreOverload checks that the newest requests are served first when
// clients leave because all wait for too long.
func TestClientsThatLeaveAreOverload(t *testing.T) {
	t.Parallel()
	p := newPool(t, oneEach)
	var waiting []*Waiter
	for range 200 {
		waiting = append(waiting, p.arrive())
	}
	for range 13 {
		p.run(100*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond)
		for _, w := range waiting[len(waiting)-5:] {
			p.Dequeue(w)
		}
		waiting = waiting[:len(waiting)-5]
	}
	if last, newest := p.granted[len(p.granted)-1], len(p.refused)-1; last < newest-3 {
		t.Errorf("request %d got the last place, the newest is %d", last, newest)
	}
}

// TestRetryAfter checks that a request that is refused learns when those that wait have
// got an instance.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	o := oneEach
	o.QueueLimit = 100
	p := newPool(t, o)
	p.SetGrowth(true)
	p.run(900*time.Millisecond, 25*time.Millisecond, 50*time.Millisecond)
	for p.Waiting() < 100 {
		p.arrive()
	}
	p.arrive()
	for _, err := range []error{p.refused[len(p.refused)-1], p.Late()} {
		var e *RefusedError
		if !errors.As(err, &e) || e.RetryAfter < 4*time.Second || e.RetryAfter > 6*time.Second {
			t.Errorf("%v: retry after %v, want 5 s", err, e.RetryAfter)
		}
	}
	empty := New(oneEach)
	var e *RefusedError
	if err := empty.Late(); !errors.As(err, &e) || e.RetryAfter != 0 || !errors.Is(err, ErrQueueTimeout) {
		t.Errorf("without a grant: %+v", e)
	}
}

// TestClientsLeaveBeforeTheQueueStands checks that the newest requests are served first
// also when clients leave sooner than ten responses take, be it from the queue or from the
// instance.
func TestClientsLeaveBeforeTheQueueStands(t *testing.T) {
	t.Parallel()
	const service, patience = 200 * time.Millisecond, 900 * time.Millisecond
	p := newPool(t, oneEach)
	type client struct {
		*Waiter
		leaves time.Time
	}
	var waiting []client
	for range 100 { // 10 s
		p.run(50*time.Millisecond, time.Hour, service)
		waiting = append(waiting, client{p.arrive(), p.now.Add(patience)})
		p.run(50*time.Millisecond, time.Hour, service)
		for len(waiting) > 0 && p.now.After(waiting[0].leaves) {
			p.Dequeue(waiting[0].Waiter)
			waiting = waiting[1:]
		}
		if p.now.UnixMilli()%200 == 0 {
			p.lease.Responded(service, 200)
			p.lease.Release()
		}
	}
	if n := p.refusals(ErrOverloaded); n == 0 {
		t.Error("no request was refused, so each one waited for as long as its client")
	}
	if last, newest := p.granted[len(p.granted)-1], len(p.refused)-1; last < newest-4 {
		t.Errorf("request %d got the last place, the newest is %d", last, newest)
	}
}
