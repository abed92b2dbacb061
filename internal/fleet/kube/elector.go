package kube

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// elector holds a Lease, or waits for it. Of the dynlbs that share a Deployment, the one that
// holds it scales. It follows the rules of client-go's leader election, and is compatible with
// it, but for one: there is no state that a callback or a context ends later. leads says whether
// this process may write now, and until when, by its own clock alone; so a process that was
// stopped for a while, or whose connection is silent, knows at once that it may not.
type elector struct {
	client   *client
	name     string // of the Lease
	identity string
	pace     *pace

	mu       sync.Mutex // guards all below
	deadline time.Time  // this process leads until then; zero: it does not
	holder   string     // of the Lease, as last seen
	seen     leaseSpec  // likewise
	seenAt   time.Time  // when that last changed
	why      string     // why the Lease cannot be used; or ""
	whySince time.Time  // since when
}

// releaseLimit bounds the end of a process that gives the Lease back. Without that it expires.
const releaseLimit = 2 * time.Second

// lease is what dynlb reads and writes of a Lease.
type lease struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   leaseMeta `json:"metadata"`
	Spec       leaseSpec `json:"spec"`
}

type leaseMeta struct {
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

type leaseSpec struct {
	Holder      string `json:"holderIdentity"`
	Seconds     int    `json:"leaseDurationSeconds"`
	Acquired    string `json:"acquireTime,omitempty"`
	Renewed     string `json:"renewTime,omitempty"`
	Transitions int    `json:"leaseTransitions"`
}

// leads reports whether this process may write, and until when.
func (e *elector) leads() (until time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.deadline, time.Now().Before(e.deadline)
}

// state returns the holder of the Lease, "" before that is known, and why the Lease cannot be
// used; "" if it can.
func (e *elector) state() (holder, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.holder, e.why
}

// lasts reports whether the Lease could not be used for so long that it will not be soon.
func (e *elector) lasts() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.why != "" && time.Since(e.whySince) >= e.pace.lease
}

// run holds the Lease, or tries to get it, until ctx ends. changed is called after each change
// of who holds it.
func (e *elector) run(ctx context.Context, changed func()) {
	tick := time.NewTicker(e.pace.retry)
	defer tick.Stop()
	for led := false; ; {
		e.try(ctx)
		if _, leads := e.leads(); leads != led {
			led = leads
			changed()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *elector) path() []string { return e.client.path("coordination.k8s.io/v1", "leases", e.name) }

// try renews the Lease, or takes it if its holder has not renewed it for the time that it
// wrote into it.
func (e *elector) try(ctx context.Context) {
	began := time.Now()
	var now lease
	err := e.client.get(ctx, e.path(), &now)
	if e.refused(err, getLease) || err != nil && !apierrors.IsNotFound(err) {
		return // the deadline says how long this process still leads
	}
	missing := err != nil
	if !missing && !e.free(&now.Spec) {
		return
	}
	text := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	next := lease{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Metadata: now.Metadata, Spec: now.Spec}
	next.Metadata.Name, next.Metadata.Namespace = e.name, e.client.namespace
	if next.Spec.Holder != e.identity {
		next.Spec.Acquired = text
		next.Spec.Transitions++
	}
	next.Spec.Holder, next.Spec.Seconds, next.Spec.Renewed = e.identity, max(1, int(e.pace.lease/time.Second)), text
	ctx = context.WithoutCancel(ctx) // only its answer tells whether there is a Lease to give back
	needs := updateLease
	if missing {
		needs = createLease
		err = write(ctx, e.client.Post().AbsPath(e.client.path("coordination.k8s.io/v1", "leases")...), next, nil)
	} else { // with the version that was read: of two, one gets a conflict
		err = write(ctx, e.client.Put().AbsPath(e.path()...), next, nil)
	}
	if e.refused(err, needs) || err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.holder, e.deadline, e.why = e.identity, began.Add(e.pace.renew), ""
}

// refused notes whether the API server refuses the use of the Lease.
func (e *elector) refused(err error, needs right) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !apierrors.IsForbidden(err) {
		return false
	}
	if e.why == "" {
		e.whySince = time.Now()
	}
	e.why = needs.explain(err).Error()
	return true
}

// free reports whether this process may take or renew the Lease.
func (e *elector) free(now *leaseSpec) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if *now != e.seen {
		e.seen, e.seenAt = *now, time.Now()
	}
	e.holder = now.Holder
	if now.Holder == e.identity || now.Holder == "" {
		return true
	}
	e.deadline, e.why = time.Time{}, "" // another one has it
	return time.Since(e.seenAt) >= time.Duration(now.Seconds)*time.Second
}

// release gives the Lease back, when nothing is written any more. A new leader need not wait
// then.
func (e *elector) release() {
	if _, leads := e.leads(); !leads {
		return
	}
	e.mu.Lock()
	e.deadline = time.Time{}
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	defer cancel()
	for { // the API server may still carry out a renewal whose context has ended
		var now lease
		if e.client.get(ctx, e.path(), &now) != nil || now.Spec.Holder != e.identity {
			return
		}
		now.APIVersion, now.Kind = "coordination.k8s.io/v1", "Lease"
		now.Spec.Holder, now.Spec.Seconds = "", 1
		if err := write(ctx, e.client.Put().AbsPath(e.path()...), now, nil); !apierrors.IsConflict(err) {
			return // if it was not written, the Lease expires
		}
	}
}
