package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// A request is one of the load's: a GET of an item, or a POST of an order.
type request struct {
	id    string        // no other has it
	post  bool          // else a GET
	size  int           // bytes of body: of the answer to a GET, of a POST
	delay time.Duration // how long the app waits before it answers a GET
	at    time.Duration // when it is to be sent, since the load began
}

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

func (r *request) method() string {
	if r.post {
		return http.MethodPost
	}
	return http.MethodGet
}

// bytes returns the request as it is sent.
func (r *request) bytes(host string) []byte {
	if r.post {
		return fmt.Appendf(nil, "POST /order/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
			r.id, host, r.size, pattern(r.id, r.size))
	}
	return fmt.Appendf(nil, "GET /item/%s?size=%d&ms=%d HTTP/1.1\r\nHost: %s\r\n\r\n",
		r.id, r.size, r.delay.Milliseconds(), host)
}

// errStrayBody reports that an answer belongs to another request or is garbled.
var errStrayBody = errors.New("the body is not this request's")

// check returns why an answer is not the right one: a *statusError, or
// errStrayBody.
func (r *request) check(a answer) error {
	if a.status != http.StatusOK {
		return &statusError{a.status, a.body}
	}
	want := "ordered " + r.id
	if !r.post {
		want = pattern(r.id, r.size)
	}
	if a.body != want {
		return fmt.Errorf("%w: %d bytes that begin with %q", errStrayBody, len(a.body), a.body[:min(len(a.body), 24)])
	}
	return nil
}

// statusError is an answer other than 200.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d: %s", e.status, strings.TrimSpace(e.body[:min(len(e.body), 160)]))
}

// pattern returns size bytes of id over and over.
func pattern(id string, size int) string {
	word := id + " "
	return strings.Repeat(word, size/len(word)+1)[:size]
}

// lossAllowed reports whether err may happen to a POST whose instance is killed
// or frozen: it is not sent again, and it is unknown whether it was carried out.
func lossAllowed(err error) bool {
	if status, ok := errors.AsType[*statusError](err); ok {
		return status.status == http.StatusBadGateway || status.status == http.StatusGatewayTimeout
	}
	_, broken := errors.AsType[*brokenError](err)
	return broken
}
