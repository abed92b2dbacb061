// Package proxytest supports the tests of the lanes. A Peer speaks HTTP by hand, as a
// client or, in a Script, as an instance. Converse tests a proxy with random conversations
// between clients and instances. A seed determines everything that either side does. Every
// message repeats the name of its request in all its parts, so a test sees every byte that
// ends up in another message.
//
// What must hold in a conversation, whatever the pieces in which bytes arrive:
//
//   - A client gets the responses to its requests, in order and each as the instance
//     sent it, or sees that a response is incomplete.
//   - An instance gets the requests as they were sent, and not more often than package
//     policy allows.
//   - Neither side waits for an event that has happened.
package proxytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Patience is how long a step of a conversation may take. A step that takes longer hangs,
// even on a busy machine.
const Patience = time.Minute

// smallBuffer is the receive buffer of some connections, so that the proxy must wait for
// them. With less than two segments of the loopback it would wait for timers of TCP too.
const smallBuffer = 128 << 10

// talk is a set of clients and instances that know each other's plans. Its methods are
// safe for concurrent use.
type talk struct {
	seed uint64 // determines everything that happens

	mu        sync.Mutex // guards all below
	plans     map[string]*plan
	errs      []error
	listeners []net.Listener
	conns     map[net.Conn]struct{}
	closed    bool
	talks     sync.WaitGroup
}

// newTalk returns a talk with a seed.
func newTalk(seed uint64) *talk {
	return &talk{seed: seed, plans: make(map[string]*plan), conns: make(map[net.Conn]struct{})}
}

// rand returns the source of random numbers of a conversation.
func (t *talk) rand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(t.seed, n)) }

// fail notes a violation.
func (t *talk) fail(p *plan, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errs = append(t.errs, fmt.Errorf("%v: %s", p, fmt.Sprintf(format, args...)))
}

// err returns the violations so far, or nil.
func (t *talk) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.errs[:min(len(t.errs), 20)]...)
}

// close stops the instances and waits for them.
func (t *talk) close() {
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
func (t *talk) add(p *plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plans[p.id] = p
}

// arrived counts the arrival of a request at an instance. It returns the plan of the
// request, or nil if there is none.
func (t *talk) arrived(id string) *plan {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.plans[id]
	if p != nil {
		p.arrived++
	}
	return p
}
