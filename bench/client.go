package main

import (
	"net"
	"time"
)

// A client is one blocking connection, for what is not measured by the clock.
// Not safe for concurrent use.
type client struct {
	conn    net.Conn
	socket  net.Conn // the one below conn over TLS; nil: conn is it
	request []byte
	answer  answer
	buffer  []byte
}

// dialClient connects to addr. All operations on the connection
// fail after deadline, so that nothing waits forever.
func dialClient(addr string, w workload, deadline time.Time) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Until(deadline))
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(deadline); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &client{conn: conn, request: w.request(addr), buffer: make([]byte, 2<<10)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// exchange sends w's request and reads its answer.
func (c *client) exchange(w workload) error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	c.answer.reset(w.status(), w.bodyBytes)
	for {
		n, err := c.conn.Read(c.buffer)
		if n > 0 {
			if done, err := c.answer.feed(c.buffer[:n]); done || err != nil {
				return err
			}
		}
		if err != nil {
			return c.answer.end()
		}
	}
}
