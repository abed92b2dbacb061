package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// patience is how long a client waits for anything.
const patience = 10 * time.Second

// tally is what clients have seen, by kind of client.
type tally struct {
	mu    sync.Mutex // guards all below
	times map[string][]time.Duration
	lost  map[string][]error
}

// add adds a request.
func (t *tally) add(kind string, began time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.lost[kind] = append(t.lost[kind], err)
		return
	}
	t.times[kind] = append(t.times[kind], time.Since(began))
}

// print prints the counts and the latencies.
func (t *tally) print(w io.Writer) {
	for _, kind := range []string{"new", "kept", "http2", "long", "tunnel", "ping"} {
		times := t.times[kind]
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		at := func(q float64) time.Duration {
			return times[min(len(times)-1, int(q*float64(len(times))))].Round(100 * time.Microsecond)
		}
		fmt.Fprintf(w, "%-7s %6d  lost %d  p50 %v  p99 %v  p99.9 %v  max %v\n", kind, len(times), len(t.lost[kind]), at(0.5), at(0.99), at(0.999), at(1))
	}
}

// failures returns the first failures of each kind.
func (t *tally) failures() (all []string) {
	for kind, errs := range t.lost {
		all = append(all, fmt.Sprintf("%s: %d lost, the first: %v", kind, len(errs), errs[0]))
	}
	slices.Sort(all)
	return all
}

// clients make connections.
type clients struct {
	*tally
	address string
	tls     bool
	end     time.Time
}

// load runs all clients for a time.
func load(address string, s settings, length time.Duration) *tally {
	c := &clients{tally: &tally{times: map[string][]time.Duration{}, lost: map[string][]error{}}, address: address, tls: s.tls, end: time.Now().Add(length)}
	var running sync.WaitGroup
	running.Go(func() { c.visit(s.rate) })
	for range 16 {
		running.Go(func() { c.keep("kept", "/", 10*time.Millisecond) })
	}
	for range 5 {
		running.Go(func() { c.keep("long", "/slow?ms=1500", 0) })
	}
	for range 4 {
		running.Go(func() { c.streams("/") })
	}
	running.Go(func() { c.streams("/slow?ms=1500") })
	for range 10 {
		running.Go(c.tunnels)
	}
	running.Wait()
	return c.tally
}

// dial connects.
func (c *clients) dial() (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", c.address, patience)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience)) // a read reports the error
	if c.tls {
		// The authority of the machine is none of this machine's.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}) //nolint:gosec // G402: see above
	}
	return conn, nil
}

// ask sends a GET and reads the response; last says that it ends the connection.
func ask(conn net.Conn, r *bufio.Reader, path string) (last bool, err error) {
	_ = conn.SetDeadline(time.Now().Add(patience)) // a read reports the error
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return true, err
	}
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return response.Close, err
}

// visit connects at a rate, for one request each time.
func (c *clients) visit(rate int) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	var visits sync.WaitGroup
	defer visits.Wait()
	for time.Now().Before(c.end) {
		<-tick.C
		visits.Go(func() {
			began := time.Now()
			conn, err := c.dial()
			if err == nil {
				defer conn.Close()
				_, err = ask(conn, bufio.NewReader(conn), "/")
			}
			c.add("new", began, err)
		})
	}
}

// keep sends requests on a connection until a response ends it, and connects again.
func (c *clients) keep(kind, path string, pause time.Duration) {
	for time.Now().Before(c.end) {
		began := time.Now()
		conn, err := c.dial()
		if err != nil {
			c.add(kind, began, err)
			continue
		}
		r := bufio.NewReader(conn)
		for last := false; !last && time.Now().Before(c.end); began = time.Now() {
			last, err = ask(conn, r, path)
			c.add(kind, began, err)
			time.Sleep(pause)
		}
		_ = conn.Close() // it is at its end
	}
}

// tunnels opens one tunnel after the other, for 3 s each.
func (c *clients) tunnels() {
	for time.Now().Before(c.end) {
		began := time.Now()
		c.add("tunnel", began, c.tunnel(began.Add(3*time.Second)))
	}
}

// tunnel opens a WebSocket, and sends a message each 50 ms, which comes back.
func (c *clients) tunnel(until time.Time) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	if _, err := io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(r, nil) //nolint:bodyclose // the connection is closed
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("status %s", response.Status)
	}
	// A text frame of four bytes, with a mask of zeros, and the echo of it without one.
	ping, pong := []byte("\x81\x84\x00\x00\x00\x00ping"), make([]byte, 6)
	for time.Now().Before(until) {
		began := time.Now()
		_ = conn.SetDeadline(began.Add(patience)) // a read reports the error
		if _, err = conn.Write(ping); err == nil {
			_, err = io.ReadFull(r, pong)
		}
		c.add("ping", began, err)
		if err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
