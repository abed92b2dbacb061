package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// The phases of the load. A request belongs to the one it was due in.
type phase uint8

const (
	warm   phase = iota // not measured
	quiet               // what latency is without faults
	faulty              // faults happen
	phases int   = iota
)

// lateAfter is how much later than it was due a request must be sent to count
// as late. A request is late because the client was slow, or because no connection was
// free while many requests waited; its latency still counts from when it was due.
const lateAfter = 10 * time.Millisecond

// maxConnections bounds the load's connections: two seconds' worth of requests
// without an answer, at the default rate. Further requests wait, and the wait counts.
const maxConnections = 2000

// A load sends requests when they are due, whether or not those before them have
// been answered (an open loop), and judges the answers.
type load struct {
	client *client
	mix    *mix
	// ends are when the phases end, since the load began; the last is its end.
	ends [phases]time.Duration

	sent     atomic.Int64
	inFlight atomic.Int64

	mu    sync.Mutex // guards tally
	tally tally
}

// tally is the result of the requests.
type tally struct {
	took   [phases]latencies // of the good answers, from when the request was due, without the app's delay
	late   int
	posted []string // the POSTs that were answered well
	lost   []loss
}

// A loss is a request without a good answer.
type loss struct {
	request     request
	phase       phase
	from, until time.Time // from when it was sent to when it failed
	err         error
}

// run sends all requests, and returns when all have been answered or have
// failed. When ctx ends it sends no more.
func (l *load) run(ctx context.Context) {
	began := time.Now()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r := l.mix.request()
		if r.at >= l.ends[phases-1] {
			return
		}
		due := began.Add(r.at)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		l.sent.Add(1)
		l.inFlight.Add(1)
		waiting.Go(func() { // ends when answered, after answerWithin at the latest
			defer l.inFlight.Add(-1)
			l.carry(ctx, r, due)
		})
	}
}

// carry sends one request, once, and records the result.
func (l *load) carry(ctx context.Context, r request, due time.Time) {
	a, begun, err := l.client.do(ctx, r.method(), r.bytes(l.client.address))
	ended := time.Now()
	if err == nil {
		err = r.check(a)
	}
	if err != nil && ctx.Err() != nil {
		return // the soak was cancelled
	}
	p := l.phaseOf(r.at)
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.tally
	if begun.Sub(due) > lateAfter {
		t.late++
	}
	switch {
	case err != nil:
		t.lost = append(t.lost, loss{request: r, phase: p, from: begun, until: ended, err: err})
		return
	case r.post:
		t.posted = append(t.posted, r.id)
	}
	t.took[p] = append(t.took[p], ended.Sub(due)-r.delay)
}

func (l *load) phaseOf(at time.Duration) phase {
	for p, end := range l.ends {
		if at < end {
			return phase(p)
		}
	}
	return faulty
}

// losses returns how many GETs and POSTs were lost so far.
func (l *load) losses() (gets, posts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tally.lost {
		if l.tally.lost[i].request.post {
			posts++
		} else {
			gets++
		}
	}
	return gets, posts
}
