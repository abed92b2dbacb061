package simulate

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// arrivals plans the arrivals, and returns the end of the load.
func (w *world) arrivals() time.Duration {
	at := time.Duration(0)
	for _, p := range w.Load {
		for range p.Burst {
			w.after(at-w.now, w.arrive)
		}
		t := at
		for p.Rate > 0 {
			t += time.Duration(w.random.ExpFloat64() / p.Rate * float64(time.Second))
			if t >= at+p.For {
				break
			}
			w.after(t, w.arrive)
		}
		at += p.For
	}
	return at
}

// arrive is the arrival of a request.
func (w *world) arrive() {
	n := len(w.result.Requests)
	w.result.Requests = append(w.result.Requests, Request{At: w.now})
	end := func(err error) {
		r := &w.result.Requests[n]
		if r.Took == 0 {
			r.Took, r.Err = max(1, w.now-r.At), err
		}
	}
	work := w.Scenario.App.Service
	if w.App.Exponential {
		work = time.Duration(w.random.ExpFloat64() * float64(work))
	}
	if w.App.Slower > 0 && w.now >= w.App.SlowerFrom && w.now < w.App.SlowerTo {
		work = time.Duration(w.App.Slower * float64(work))
	}
	granted := func(l registry.Lease) {
		w.result.Requests[n].Instance, w.result.Requests[n].Waited = l.ID(), w.now-w.result.Requests[n].At
		start := w.now
		w.serve(l, work, func() {
			l.Responded(w.now-start, 200)
			l.Release()
			w.settle(l.ID())
			end(nil)
		})
	}
	waiter := &registry.Waiter{Grant: func(l registry.Lease, err error) {
		w.after(0, func() { // the registry is locked during the call
			if err != nil {
				end(err)
				return
			}
			granted(l)
		})
	}}
	lease, err := w.registry.Enqueue(waiter)
	switch {
	case err != nil:
		end(err)
	case lease.Valid():
		granted(lease)
	default:
		timeout := w.Registry.QueueTimeout
		if w.Patience > 0 {
			timeout = min(timeout, w.Patience)
		}
		w.after(timeout, func() {
			if w.registry.Dequeue(waiter) {
				end(registry.ErrQueueTimeout)
			}
		})
	}
}

// serve makes the instance of l work for the given time.
func (w *world) serve(l registry.Lease, work time.Duration, done func()) {
	in := w.models[l.ID()]
	start := func() {
		in.busy++
		w.after(w.stalled(work), func() {
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
