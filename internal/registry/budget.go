package registry

import (
	"math"
	"time"
)

// The retry budget is Finagle's and Linkerd's: a retry for every fifth request
// and ten a second besides, of which what was earned in the last 10 s may be
// spent at once. So retries can take a pool over the death of an instance, and
// cannot add more than a fifth to the load of one that is going down.
const (
	retriesPerRequest = 0.2
	retriesPerSecond  = 10
	retryMemory       = 10 * time.Second
)

// budget is what may be spent on retries. It is brought up to date only when
// someone asks, so requests that are not sent again cost it nothing.
type budget struct {
	left     float64       // retries that may be made
	at       time.Duration // when left was right, since Registry.base
	requests uint64        // that have earned their share of it

	granted, denied uint64
}

// newBudget returns a budget with what a pool without requests earns.
func newBudget() budget { return budget{left: retriesPerSecond * retryMemory.Seconds()} }

// Retry spends one retry of the retry budget: ask before a request is sent once
// more, in whatever way, to another instance or to the same. It returns false
// when the budget is used up; then the client gets what the last attempt came to.
func (r *Registry) Retry() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.claimsLocked()
	requests -= min(requests, r.budget.granted) // what a retry claims earns none
	return r.budget.spend(time.Since(r.base), requests)
}

// spend takes one retry, and reports whether there was one. requests is how many
// there have been so far.
func (b *budget) spend(now time.Duration, requests uint64) bool {
	// Of a retry that was granted and has claimed nothing yet, or never will, it
	// looks as if there had been a request less.
	requests = max(requests, b.requests)
	earned := retriesPerRequest * float64(requests-b.requests)
	elapsed := now - b.at
	earned += retriesPerSecond * elapsed.Seconds()
	if elapsed > 0 {
		// Earnings came evenly, and each is forgotten as a sample of the latency is.
		memory := retryMemory.Seconds()
		kept := math.Exp(-elapsed.Seconds() / memory)
		b.left *= kept
		earned *= (1 - kept) * memory / elapsed.Seconds()
	}
	b.left += earned
	b.at, b.requests = now, requests
	if b.left < 1 {
		b.denied++
		return false
	}
	b.left--
	b.granted++
	return true
}

// claimsLocked returns how many claims there were on all instances that ever
// existed.
func (r *Registry) claimsLocked() uint64 {
	n := r.pastClaims
	for _, in := range r.instances {
		n += in.traffic.total
	}
	return n
}
