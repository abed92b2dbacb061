package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// streams sends requests over HTTP/2 until the server asks to leave the connection, and
// connects again. ClientConn repeats no request.
func (c *clients) streams(path string) {
	transport := new(http2.Transport)
	for time.Now().Before(c.end) {
		began := time.Now()
		conn, err := c.dial("h2")
		if err != nil {
			c.add("http2", began, err)
			continue
		}
		_ = conn.SetDeadline(time.Time{}) // each request has one
		session, err := transport.NewClientConn(conn)
		if err != nil {
			c.add("http2", began, err)
			_ = conn.Close() // it is of no use
			continue
		}
		for ; session.CanTakeNewRequest() && time.Now().Before(c.end); began = time.Now() {
			c.add("http2", began, c.stream(session, path))
			time.Sleep(10 * time.Millisecond)
		}
		_ = session.Close() // it has no request
	}
}

// stream sends one request.
func (c *clients) stream(session *http2.ClientConn, path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	scheme := "http"
	if c.tls {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost"+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := session.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return err
}
