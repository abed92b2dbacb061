package main

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

// A tlsLoad drives a closed loop over TLS, with a goroutine for each connection:
// crypto/tls cannot be driven by events. The client's CPU time is not measured.
type tlsLoad struct {
	load
	phase  phase // as in engine
	meters meters

	mu      sync.Mutex // guards phase and all below
	latency histogram
	result  loadResult
}

// clientTLS is how the load and the probes speak TLS: with the key exchange that all
// peers know. The certificate of the run is made by itself, so it is not checked.
func clientTLS() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // the peer is a process of this run
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		NextProtos:         []string{"http/1.1"},
	}
}

// runTLS drives all connections through warm-up and window.
func (l load) runTLS(ctx context.Context) (loadResult, error) {
	t := &tlsLoad{load: l}
	var err error
	if t.meters.peer, err = newGroupClock(l.group); err != nil {
		return loadResult{}, err
	}
	var loops sync.WaitGroup
	for i := range l.workload.connections {
		loops.Go(func() { t.loop(i) }) // ends soon after the window
	}
	sleep(ctx, l.warmup)
	if err := t.enter(phaseWindow, t.meters.readBegin); err != nil {
		return loadResult{}, err
	}
	sleep(ctx, l.duration)
	if err := t.enter(phaseOver, t.meters.readEnd); err != nil {
		return loadResult{}, err
	}
	loops.Wait()
	r := t.result
	t.meters.fill(&r)
	r.P50, r.P99, r.P999 = t.latency.quantile(0.5), t.latency.quantile(0.99), t.latency.quantile(0.999)
	r.Max = t.latency.max
	return r, ctx.Err()
}

// enter begins a phase and reads the meters at its beginning.
func (t *tlsLoad) enter(p phase, read func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = p
	return read()
}

// loop makes one request after the other, on one connection or on a new one each.
func (t *tlsLoad) loop(i int) {
	config := clientTLS()
	if t.workload.resumed {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	addr := t.addrs[i%len(t.addrs)]
	var c *client
	for failures := 0; failures < maxFailures; {
		begin := time.Now()
		err := error(nil)
		if c == nil {
			c, err = t.dial(addr, config)
		}
		if err == nil {
			err = c.exchange(t.workload)
		}
		if !t.note(begin, err) {
			break
		}
		if err != nil {
			failures++
		}
		if c != nil && (err != nil || t.workload.fresh) {
			c.close()
			c = nil
		}
	}
	if c != nil {
		c.close()
	}
}

// dial makes a connection, and its handshake.
func (t *tlsLoad) dial(addr string, config *tls.Config) (*client, error) {
	t.mu.Lock()
	t.result.Connections++
	t.mu.Unlock()
	return dialClientTLS(addr, t.workload, time.Now().Add(t.warmup+t.duration+t.grace), config)
}

// note counts a request. It reports whether there is to be another one.
func (t *tlsLoad) note(begin time.Time, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.result.Failed++
		if t.result.FirstFailure == "" {
			t.result.FirstFailure = err.Error()
		}
	case t.phase == phaseWindow:
		t.result.Requests++
		t.latency.record(time.Since(begin))
	}
	return t.phase != phaseOver && (!t.workload.fresh || t.result.Connections < maxFresh)
}

// dialClientTLS is dialClient over TLS.
func dialClientTLS(addr string, w workload, deadline time.Time, config *tls.Config) (*client, error) {
	c, err := dialClient(addr, w, deadline)
	if err != nil {
		return nil, err
	}
	c.socket = c.conn
	c.conn = tls.Client(c.conn, config)
	return c, nil
}

// dialFor is dialClient, over TLS if the workload is.
func dialFor(addr string, w workload, deadline time.Time) (*client, error) {
	if w.tls {
		return dialClientTLS(addr, w, deadline, clientTLS())
	}
	return dialClient(addr, w, deadline)
}
