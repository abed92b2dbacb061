package registry

import (
	"math"
	"time"
)

// The retry budget is that of Finagle and Linkerd: one retry for every fifth request
// and ten more per second. What was earned in the last 10 s may be spent at once.
// Retries can then replace the requests of an instance that dies, and they cannot
// add more than a fifth to the load of an app that fails.
const (
	retriesPerRequest = 0.2
	retriesPerSecond  = 10
	retryMemory       = 10 * time.Second
)

// budget is the number of retries that may be made. It is updated only for a retry,
// so other requests cost it nothing.
type budget struct {
	left     float64       // retries that may be made
	at       time.Duration // of the last update of left, since Registry.base
	requests uint64        // requests whose share is in left

	granted, denied uint64
}

// newBudget returns the budget that an app without requests earns.
func newBudget() budget { return budget{left: retriesPerSecond * retryMemory.Seconds()} }

// Retry takes one retry from the retry budget. Call it before a request is sent
// again, to the same instance or to another one. It returns false when the budget is
// used up; then the last attempt decides what the client gets.
func (r *Registry) Retry() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.claimsLocked()
	requests -= min(requests, r.budget.granted) // the claim of a retry earns nothing
	return r.budget.spend(r.elapsed(), requests)
}

// spend takes one retry, and reports whether there was one. requests is the number
// of requests so far.
func (b *budget) spend(now time.Duration, requests uint64) bool {
	// A retry that was granted and has not claimed an instance counts as one request
	// less, so requests can be smaller than before.
	requests = max(requests, b.requests)
	earned := retriesPerRequest * float64(requests-b.requests)
	elapsed := now - b.at
	earned += retriesPerSecond * elapsed.Seconds()
	if elapsed > 0 {
		// Earnings came evenly, and each decays like a sample of the latency.
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

// claimsLocked returns the number of claims so far, on instances that are gone too.
func (r *Registry) claimsLocked() uint64 {
	n := r.pastClaims
	for _, in := range r.instances {
		n += in.traffic.total
	}
	return n
}
