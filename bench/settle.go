package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxMemoryRounds bounds the rounds of memory measurements: each starts the
// peer anew and takes seconds, and they differ little.
const maxMemoryRounds = 2

// The bounds of what settle does.
const (
	// collections of garbage, each begun and ended, that a Go peer goes through
	// before it is read: the second frees what the first found finalizers or
	// pooled things on (sync.Pool lives for two).
	collections = 2
	// settleRequests is what every peer gets, so that all have done the same work.
	// 6,000 did not make two readings agree better.
	settleRequests = 2000
	// settleTimeout bounds the wait for the collections.
	settleTimeout = 30 * time.Second
	// settlePause leaves time for background work: Go returns free pages in the
	// background.
	settlePause = 1500 * time.Millisecond
)

// settle brings a peer to rest before its memory is read: requests on one
// connection of their own, and for a Go peer as many more as it takes until it
// has collected its garbage twice, then a pause. A program cannot be
// asked from outside to collect; traffic causes it.
func settle(ctx context.Context, t target, secure bool) error {
	deadline := time.Now().Add(settleTimeout)
	w := workload{path: t.garbage, bodyBytes: anyLength, tls: secure}
	c, err := dialFor(t.addrs[0], w, deadline)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	defer c.close()
	begun := t.collected()
	for n := 0; n < settleRequests || t.collects && t.collected() < begun+collections; n++ {
		if err := errors.Join(ctx.Err(), c.exchange(w)); err != nil {
			return fmt.Errorf("settle: %d requests, %d collections: %w", n, t.collected()-begun, err)
		}
	}
	sleep(ctx, settlePause)
	return ctx.Err()
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
