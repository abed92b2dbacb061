package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// The mix of requests, in percent.
const (
	posts    = 10
	slowGETs = 10 // of the GETs
)

// sizes are those of the answers to GETs; small ones are more frequent.
var sizes = []int{64, 64, 64, 64, 64, 64, 1 << 10, 1 << 10, 16 << 10, 64 << 10}

// A mix makes up requests, the same ones for the same seed. Not safe for
// concurrent use.
type mix struct {
	random *rand.Rand
	rate   float64 // requests per second, on average
	next   int
	at     time.Duration
	server *server // of a mixed soak; nil for another
}

func newMix(seed uint64, rate int) *mix {
	return &mix{random: rand.New(rand.NewPCG(seed, 2)), rate: float64(rate)}
}

// request returns the next one. The times between them are those of independent
// users (exponential).
func (m *mix) request() request {
	m.next++
	m.at += time.Duration(m.random.ExpFloat64() / m.rate * float64(time.Second))
	r := request{at: m.at}
	if m.server != nil {
		m.vary(&r)
		return r
	}
	if m.random.IntN(100) < posts {
		r.id, r.post, r.size = fmt.Sprintf("p%08d", m.next), true, 16+m.random.IntN(500)
		return r
	}
	r.id, r.size = fmt.Sprintf("g%08d", m.next), sizes[m.random.IntN(len(sizes))]
	if m.random.IntN(100) < slowGETs {
		r.delay = time.Duration(5+m.random.IntN(46)) * time.Millisecond
	}
	return r
}

// The mix of a mixed soak, in percent.
const (
	mixedHEADs   = 15
	mixedPOSTs   = 20
	mixedPUTs    = 10
	mixedEmpty   = 10 // of the others: GETs of a 204 or a 304
	mixedChunked = 30 // of the POSTs and PUTs, where the server reads that
	mixedPauses  = 1  // of the requests: a pause before it
	mixedLong    = 3  // of the GETs and HEADs, per mille: works for longDelay
)

// mixedPause is a time after which servers close idle connections: gthread does
// after 2 s, and a request may meet the close.
const mixedPause = 2 * time.Second

// longDelay is so long that more health checks time out, at a server that works on one
// request at a time, than an idle instance may fail.
const longDelay = 3 * time.Second

// newMixOf returns the mix of requests to a server of a mixed soak.
func newMixOf(of server, seed uint64, rate int) *mix {
	m := newMix(seed, rate)
	m.server = &of
	return m
}

// vary makes r the next request of a mixed soak.
func (m *mix) vary(r *request) {
	if m.chance(mixedPauses) {
		m.at += mixedPause - 100*time.Millisecond + time.Duration(m.random.Int64N(int64(200*time.Millisecond)))
		r.at = m.at
	}
	r.named = true
	r.size = sizes[m.random.IntN(len(sizes))]
	switch n := m.random.IntN(100); {
	case n < mixedHEADs:
		r.id, r.verb = fmt.Sprintf("h%08d", m.next), http.MethodHead
	case n < mixedHEADs+mixedPOSTs:
		r.id, r.verb, r.post = fmt.Sprintf("p%08d", m.next), http.MethodPost, true
	case n < mixedHEADs+mixedPOSTs+mixedPUTs:
		r.id, r.verb, r.post = fmt.Sprintf("u%08d", m.next), http.MethodPut, true
	default:
		r.id, r.verb = fmt.Sprintf("g%08d", m.next), http.MethodGet
		if m.chance(mixedEmpty) {
			r.status = []int{http.StatusNoContent, http.StatusNotModified}[m.random.IntN(2)]
		}
	}
	r.chunked = r.post && m.server.chunked && m.chance(mixedChunked)
	switch {
	case r.post:
	case m.random.IntN(1000) < mixedLong:
		r.delay = longDelay
	case m.chance(slowGETs):
		r.delay = time.Duration(5+m.random.IntN(46)) * time.Millisecond
	}
}

func (m *mix) chance(percent int) bool { return m.random.IntN(100) < percent }
