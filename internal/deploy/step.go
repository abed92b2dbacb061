package deploy

import (
	"context"
	"sync"
)

// Phase is how far a deploy is.
type Phase uint8

const (
	// Starting: instances of the new version are started, and are not ready yet.
	Starting Phase = iota + 1
	// Canary: the new version gets a part of the requests.
	Canary
	// Shifting: the new version has passed, and as many of its instances are started as the
	// present one has.
	Shifting
	// Done: the new version has all requests.
	Done
)

// Step is a step of a deploy.
type Step struct {
	Phase Phase
	// Version is the label of the new version.
	Version string
	// Text says what has happened, for people.
	Text string
}

// run is one deploy. Any number of callers may follow it.
type run struct {
	version  Version
	name     string // of version, in texts
	from     string // likewise, of the version before; of a rollout only
	order    Order
	rollback bool
	next     record // what is kept once it has succeeded
	stop     context.CancelCauseFunc

	mu    sync.Mutex // guards all below
	steps []Step     // few: a canary has some twenty
	ended bool
	err   error
	more  chan struct{} // closed when there are more steps, or it has ended
}

// cancel ends the run, unless it is too late.
func (r *run) cancel(cause error) { r.stop(cause) }

// add adds a step.
func (r *run) add(phase Phase, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, Step{phase, r.version.Label, text})
	r.wakeLocked()
}

// end notes how the run has ended.
func (r *run) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.err = true, err
	r.wakeLocked()
}

func (r *run) wakeLocked() {
	close(r.more)
	r.more = make(chan struct{})
}

// follow calls progress with all steps until the end, and returns how that was.
func (r *run) follow(ctx context.Context, progress func(Step)) error {
	for next := 0; ; {
		r.mu.Lock()
		steps, ended, more := r.steps[next:], r.ended, r.more
		r.mu.Unlock()
		for _, s := range steps {
			progress(s)
		}
		if next += len(steps); ended {
			return r.err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
