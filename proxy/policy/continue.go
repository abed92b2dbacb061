package policy

import (
	"sync/atomic"
	"time"
)

// continueSoon is ContinueTimeout for an app that was silent. It gives an instance that
// does ask the time to do so: it answers before it has any content to process.
const continueSoon = 10 * time.Millisecond

// Continue is whether the instances of an app ask for the content of requests that
// expect a 100 (Continue). Many servers never do, and a client that waits for the 100
// would lose ContinueTimeout with each request. RFC 9110, 10.1.1, lets a client send
// content after any time. All methods are safe for concurrent use. The zero value knows
// nothing.
type Continue struct{ silent atomic.Bool }

// Wait returns how long an instance may take to ask.
func (c *Continue) Wait() time.Duration {
	if c.silent.Load() {
		return continueSoon
	}
	return ContinueTimeout
}

// Note notes that an instance asked for content, or that it did not in time.
func (c *Continue) Note(asked bool) { c.silent.Store(!asked) }
