package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// A client is one keep-alive connection that sends one request at a time. It
// reads no more of HTTP/1.1 than it takes to know that the answer is the
// expected one: status, length, and whether the connection goes on. Not safe
// for concurrent use.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

// dialClient connects to addr. Whatever happens on the connection happens
// before deadline, so that no request waits for ever.
func dialClient(addr, path string, deadline time.Time) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Until(deadline))
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(deadline); err != nil {
		_ = conn.Close()
		return nil, err
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
	return &client{conn: conn, in: bufio.NewReader(conn), request: []byte(request)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// exchange sends the request and reads its answer, which must be a 200 with
// bodyBytes bytes. again says whether the connection takes another request; an
// error ends the connection.
func (c *client) exchange(bodyBytes int) (again bool, err error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return false, err
	}
	length, again, err := c.readHead()
	if err != nil {
		return false, err
	}
	if length < 0 {
		return false, errors.New("no Content-Length")
	}
	if length != bodyBytes {
		return false, fmt.Errorf("body of %d bytes announced, want %d", length, bodyBytes)
	}
	if n, err := c.in.Discard(length); err != nil {
		return false, fmt.Errorf("body ended after %d of %d bytes: %w", n, length, err)
	}
	if n := c.in.Buffered(); n > 0 {
		return false, fmt.Errorf("%d bytes after the body", n)
	}
	return again, nil
}

// readHead reads up to the blank line and returns the body's length.
func (c *client) readHead() (length int, again bool, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, false, fmt.Errorf("read status line: %w", err)
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return 0, false, fmt.Errorf("status line %q, want 200", bytes.TrimSpace(line))
	}
	length, again = -1, true
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, false, fmt.Errorf("read header: %w", noEOF(err))
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		switch {
		case !ok && len(bytes.TrimSpace(line)) == 0:
			return length, again, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, false, fmt.Errorf("read Content-Length: %w", err)
			}
		case bytes.EqualFold(name, []byte("Connection")):
			again = !bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
	}
}

// noEOF tells an answer that broke off from a connection that ended before one.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
