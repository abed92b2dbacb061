// Package talk has random clients and instances talk through a proxy, for its
// tests. Everything either side does follows from a seed, and every message
// carries the name of its request throughout, so that nothing of one that turns
// up in another goes unnoticed.
//
// What must hold, whatever the pieces in which bytes come:
//
//   - A client gets the responses to its requests, in order and each as the
//     instance sent it, or sees that a response is not whole.
//   - An instance gets requests as they were sent, and no oftener than package
//     fault allows.
//   - Nobody waits for what has happened.
package talk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Patience is how long a step may take. None takes so long unless it hangs, even
// on a busy machine.
const Patience = time.Minute

// smallBuffer is what the kernel holds for some, so that the proxy has to wait for
// them. With less than two segments of the loopback it would wait for timers, too.
const smallBuffer = 128 << 10

// Talk is clients and instances that know of each other. Rounds creates them.
// Its methods are safe for concurrent use.
type Talk struct {
	// Std says that the proxy is net/http's, which does less in one respect. It
	// is set before the first conversation.
	Std bool

	// Seed is what all that happens follows from.
	Seed uint64

	mu        sync.Mutex // guards all below
	plans     map[string]*plan
	errs      []error
	listeners []net.Listener
	conns     map[net.Conn]struct{}
	closed    bool
	talks     sync.WaitGroup
}

// newTalk returns a Talk that follows from seed.
func newTalk(seed uint64) *Talk {
	return &Talk{Seed: seed, plans: make(map[string]*plan), conns: make(map[net.Conn]struct{})}
}

// rand returns the random numbers of a conversation.
func (t *Talk) rand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(t.Seed, n)) }

// fail notes a violation.
func (t *Talk) fail(p *plan, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errs = append(t.errs, fmt.Errorf("%v: %s", p, fmt.Sprintf(format, args...)))
}

// err returns what was wrong so far, or nil.
func (t *Talk) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.errs[:min(len(t.errs), 20)]...)
}

// close ends the instances, and waits for them.
func (t *Talk) close() {
	t.mu.Lock()
	t.closed = true
	for _, l := range t.listeners {
		_ = l.Close()
	}
	for c := range t.conns {
		_ = c.Close()
	}
	t.mu.Unlock()
	t.talks.Wait()
}

// add notes the plan of a request.
func (t *Talk) add(p *plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plans[p.id] = p
}

// arrived returns the plan of a request that has arrived at an instance, and
// counts it.
func (t *Talk) arrived(id string) *plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.plans[id]
	if p != nil {
		p.arrived++
	}
	return p
}
