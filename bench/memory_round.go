package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// A memorySample is what idle connections cost one peer in one round. Sizes are
// bytes, as groupMemory counts them.
type memorySample struct {
	Workload    string `json:"workload"`
	Peer        string `json:"peer"`
	Round       int    `json:"round"`
	Connections int    `json:"connections"`
	Before      uint64 `json:"beforeBytes"` // warm, without the connections
	After       uint64 `json:"afterBytes"`  // with them
	Open        int    `json:"open"`        // connections that were still open then
	// The minimum number of garbage collections before each of the two readings; 0
	// if the peer has none.
	Collections int `json:"collections"`
}

// perConnection is the growth per connection in bytes. It may be below zero.
func (m memorySample) perConnection() float64 {
	return (float64(m.After) - float64(m.Before)) / float64(m.Connections)
}

// String returns one line of progress.
func (m memorySample) String() string {
	const mib = 1 << 20
	line := fmt.Sprintf("round %d  %-8s %-12s %6.2f KiB per connection  %6.1f MiB, before %6.1f MiB",
		m.Round, m.Workload, m.Peer, m.perConnection()/1024, float64(m.After)/mib, float64(m.Before)/mib)
	if lost := m.Connections - m.Open; lost > 0 {
		line += fmt.Sprintf("  %d CLOSED by the peer", lost)
	}
	return line
}

// measureMemory measures one peer, started for this alone: memory that an
// earlier load left behind would be used again, and not seen.
func measureMemory(ctx context.Context, s settings, name string, w workload) (m memorySample, err error) {
	site, err := newSite(s.dynlb, w.tls)
	if err != nil {
		return m, err
	}
	site.traceGC = true
	defer func() {
		if closeErr := site.close(); err == nil {
			err = closeErr
		}
	}()
	targets, err := startPeers(ctx, site, []string{name})
	if err != nil {
		return m, err
	}
	t := targets[name]
	m = memorySample{Workload: w.name, Peer: name, Connections: w.connections}
	if t.collects {
		m.Collections = collections
	}
	if err := settle(ctx, t, w.tls); err != nil {
		return m, err
	}
	if m.Before, err = groupMemory(t.group); err != nil {
		return m, err
	}
	held, err := hold(ctx, t, w)
	defer closeAll(held)
	if err != nil {
		return m, err
	}
	if err := settle(ctx, t, w.tls); err != nil {
		return m, err
	}
	m.After, err = groupMemory(t.group)
	for _, c := range held {
		if c.socket == nil && silent(c.conn) || c.socket != nil && silent(c.socket) {
			m.Open++
		}
	}
	return m, err
}

// hold opens the workload's connections one after the other, each with one
// request, and leaves them alone. The caller closes what is returned, also
// after an error.
func hold(ctx context.Context, t target, w workload) (held []*client, err error) {
	deadline := time.Now().Add(time.Minute)
	for i := range w.connections {
		if ctx.Err() != nil {
			return held, ctx.Err()
		}
		c, err := dialFor(t.addrs[i%len(t.addrs)], w, deadline)
		if err != nil {
			return held, fmt.Errorf("open connection %d: %w", i+1, err)
		}
		held = append(held, c)
		if err := c.exchange(w); err != nil {
			return held, fmt.Errorf("connection %d: %w", i+1, err)
		}
	}
	return held, nil
}

func closeAll(held []*client) {
	for _, c := range held {
		c.close()
	}
}

// measureAllMemory measures a workload of kind idle over all peers, in rounds.
func measureAllMemory(ctx context.Context, s settings, w workload, progress io.Writer) ([]memorySample, error) {
	var samples []memorySample
	for round := range min(s.Rounds, maxMemoryRounds) {
		for _, name := range rotated(s.Peers, round) {
			if name == "direct" || !slices.Contains(speaking(s.Peers, w.tls), name) {
				continue // nothing to account
			}
			m, err := measureMemory(ctx, s, name, w)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", name, err)
			}
			m.Round = round + 1
			samples = append(samples, m)
			fmt.Fprintln(progress, m)
		}
	}
	return samples, nil
}
