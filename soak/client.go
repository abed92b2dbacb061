package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// freshFor is how long a connection may be idle and still be used. dynlb
	// closes idle ones after a minute: a connection that is
	// closed much earlier was closed by dynlb, and its request counts as lost.
	freshFor = 3 * time.Second
	// answerWithin bounds a request. It is more than requestTimeout and the
	// queue's time together.
	answerWithin = 60 * time.Second
	// maxAnswer bounds the body of an answer, in bytes.
	maxAnswer = 1 << 20
)

// A client sends requests over keep-alive connections of its own, each request
// exactly once: it never sends one again, as net/http.Transport does with GETs,
// so no loss is hidden. Safe for concurrent use.
type client struct {
	address string
	places  chan struct{} // its capacity is the maximum number of connections

	mu   sync.Mutex // guards idle
	idle []*conn    // the one used last at the end
}

// conn is one connection, owned by the caller that took it.
type conn struct {
	net.Conn
	in        *bufio.Reader
	idleSince time.Time
}

// An answer is what came back, complete.
type answer struct {
	status int
	id     string // the field X-Soak-Id
	body   string
	later  bool // it has Retry-After
}

// brokenError is a request that got no answer, or not all of it.
type brokenError struct {
	step  string
	cause error
}

// readBody is the step after the head of the answer.
const readBody = "read body"

func (e *brokenError) Error() string { return e.step + ": " + bare(e.cause) }

func (e *brokenError) Unwrap() error { return e.cause }

// errStrayBytes reports that more came than one answer.
var errStrayBytes = errors.New("bytes that belong to no answer")

// bare returns the reason of a failed network operation without its addresses, so
// that equal failures have equal texts.
func bare(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return err.Error()
}

// newClient returns a client of the server at address with at most limit
// connections at a time; requests beyond wait for one.
func newClient(address string, limit int) *client {
	return &client{address: address, places: make(chan struct{}, limit)}
}

// do sends request, the bytes of a whole one, and returns its answer. begun is
// when it had a connection. The error is a *brokenError, or that of ctx, which
// only ends the wait for a connection.
func (c *client) do(ctx context.Context, method string, request []byte) (a answer, begun time.Time, err error) {
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return answer{}, time.Now(), ctx.Err()
	}
	begun = time.Now()
	n, err := c.take(ctx)
	if err != nil {
		return answer{}, begun, &brokenError{"connect", err}
	}
	n.SetDeadline(begun.Add(answerWithin))
	a, again, err := n.exchange(method, request)
	if err != nil || !again {
		n.Close()
		return a, begun, err
	}
	c.give(n)
	return a, begun, nil
}

// take returns the connection that was used last, or a new one.
func (c *client) take(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	for k, n := range slices.Backward(c.idle) {
		c.idle = c.idle[:k]
		if time.Since(n.idleSince) < freshFor {
			c.mu.Unlock()
			return n, nil
		}
		n.Close()
	}
	c.mu.Unlock()
	n, err := dial(context.WithoutCancel(ctx), c.address, answerWithin)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: n, in: bufio.NewReader(n)}, nil
}

func (c *client) give(n *conn) {
	n.idleSince = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, n)
}

// close closes the idle connections.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.idle {
		n.Close()
	}
	c.idle = nil
}

// exchange sends a request and reads its answer to the end. again tells whether
// the connection takes another one.
func (n *conn) exchange(method string, request []byte) (a answer, again bool, err error) {
	if n.in.Buffered() > 0 {
		return answer{}, false, &brokenError{"before the request", errStrayBytes}
	}
	if _, err := n.Write(request); err != nil {
		return answer{}, false, &brokenError{"send", err}
	}
	if _, err := n.in.Peek(1); err != nil {
		return answer{}, false, &brokenError{"no answer", err}
	}
	response, err := http.ReadResponse(n.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, false, &brokenError{"read head", err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, false, &brokenError{readBody, err}
	}
	a = answer{status: response.StatusCode, id: response.Header.Get("X-Soak-Id"), body: string(body), later: response.Header.Get("Retry-After") != ""}
	if response.Proto != "HTTP/1.1" || a.status < http.StatusOK || len(body) == maxAnswer {
		return a, false, &brokenError{"read answer", fmt.Errorf("%s %d with %d bytes", response.Proto, a.status, len(body))}
	}
	if n.in.Buffered() > 0 {
		return a, false, &brokenError{"after the answer", errStrayBytes}
	}
	return a, !response.Close, nil
}
