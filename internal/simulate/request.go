package simulate

import (
	"context"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// arrivals plans the arrivals, and returns the end of the load.
func (w *world) arrivals() time.Duration {
	at := time.Duration(0)
	var times []time.Duration
	for _, p := range w.Load {
		for range p.Burst {
			w.after(at-w.now, w.arrive)
		}
		for range p.Streams {
			w.after(at-w.now, w.stream)
		}
		t := at
		for p.Rate > 0 {
			t += time.Duration(w.random.ExpFloat64() / p.Rate * float64(time.Second))
			if t >= at+p.For {
				break
			}
			times = append(times, t)
		}
		at += p.For
	}
	w.arriveAt(times)
	return at
}

// arriveAt plans the first of the arrivals, which plans the next: few events at a time are
// faster than all.
func (w *world) arriveAt(times []time.Duration) {
	if len(times) > 0 {
		w.after(times[0]-w.now, func() {
			w.arriveAt(times[1:])
			w.arrive()
		})
	}
}

// stream is the arrival of a request that becomes a stream at once. It gets no instance
// if none is free.
func (w *world) stream() {
	if lease, err := w.registry.Try(registry.Preference{}); err == nil {
		lease.Stream()
		lease.Responded(time.Millisecond, http.StatusSwitchingProtocols)
	}
}

// arrive is the arrival of a request.
func (w *world) arrive() {
	n := len(w.result.Requests)
	w.result.Requests = append(w.result.Requests, Request{At: w.now})
	w.open++
	end := func(err error) {
		w.open--
		r := &w.result.Requests[n]
		r.Took, r.Err = max(1, w.now-r.At), err
	}
	work := w.Scenario.App.Service
	if w.App.Exponential {
		work = time.Duration(w.random.ExpFloat64() * float64(work))
	}
	if w.App.Slower > 0 && w.now >= w.App.SlowerFrom && w.now < w.App.SlowerTo {
		work = time.Duration(w.App.Slower * float64(work))
	}
	w.claim(func(l registry.Lease) { w.serve(n, l, work, end) }, end)
}

// claim claims an instance for a request that waits for one as long as the queue and
// the client allow. One of granted and failed is called.
func (w *world) claim(granted func(registry.Lease), failed func(error)) {
	waiter := &registry.Waiter{Grant: func(l registry.Lease, err error) {
		w.after(0, func() { // the registry is locked during the call
			if err != nil {
				failed(err)
				return
			}
			granted(l)
		})
	}}
	lease, err := w.registry.Enqueue(waiter)
	switch {
	case err != nil:
		failed(err)
		return
	case lease.Valid():
		granted(lease)
		return
	}
	timeout, cause := w.Registry.QueueTimeout, registry.ErrQueueTimeout
	if w.Patience > 0 && w.Patience < timeout {
		timeout, cause = w.Patience, context.Canceled
	}
	w.after(timeout, func() {
		if w.registry.Dequeue(waiter) {
			failed(cause)
		}
	})
}

// serve makes the instance of l work on request n for the given time. A client that
// leaves gives up the claim, but the instance does not know of it, and works all the
// same.
func (w *world) serve(n int, l registry.Lease, work time.Duration, end func(error)) {
	r := &w.result.Requests[n]
	r.Instance, r.Waited = l.ID(), w.now-r.At
	start, gone := w.now, false
	in := w.models[l.ID()]
	leave := func(err error) {
		delete(in.serving, n)
		l.Release()
		w.settle(l.ID())
		end(err)
	}
	if in.crashed { // after the claim, at the same moment
		leave(ErrCrashed)
		return
	}
	in.serving[n] = func(err error) {
		gone = true
		leave(err)
	}
	w.work(l.ID(), work, func() {
		if !gone {
			l.Responded(w.now-start, http.StatusOK)
			leave(nil)
		}
	})
	if w.Patience > 0 {
		w.after(max(0, r.At+w.Patience-w.now), func() {
			if give, ok := in.serving[n]; ok {
				give(context.Canceled)
			}
		})
	}
}

// work makes an instance work for the given time.
func (w *world) work(id registry.ID, work time.Duration, done func()) {
	in := w.models[id]
	start := func() {
		in.busy++
		w.after(w.stalled(time.Duration(w.slowness(in)*float64(work))), func() {
			in.busy--
			done()
			if len(in.waiting) > 0 {
				next := in.waiting[0]
				in.waiting = in.waiting[1:]
				next()
			}
		})
	}
	if w.App.Concurrency > 0 && in.busy >= w.App.Concurrency {
		in.waiting = append(in.waiting, start)
		return
	}
	start()
}

// stalled returns how long work takes that begins now, with the stalls in between.
func (w *world) stalled(work time.Duration) time.Duration {
	stall := w.App.Stall
	if stall == 0 {
		return work
	}
	at := w.now
	for work > 0 {
		phase := at % time.Second // each second begins with a stall
		if phase < stall {
			at += stall - phase
			continue
		}
		step := min(work, time.Second-phase)
		at, work = at+step, work-step
	}
	return at - w.now
}
