package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// streams sends requests over HTTP/2 until the server asks to leave the connection, and
// connects again. ClientConn repeats no request. When it was asked to leave between the look
// at it and the request, it sends none of that, which then goes on the next connection.
func (c *clients) streams(path string) {
	transport, scheme := c.transport()
	for time.Now().Before(c.end) {
		began := time.Now()
		session, err := transport.NewClientConn(context.Background(), scheme, c.address)
		if err != nil {
			c.add("http2", began, err)
			continue
		}
		for ; session.Available() > 0 && time.Now().Before(c.end); began = time.Now() {
			taken, err := stream(session, scheme+"://localhost"+path)
			if !taken && session.Available() == 0 {
				break
			}
			c.add("http2", began, err)
			time.Sleep(10 * time.Millisecond)
		}
		_ = session.Close() // it has no request
	}
}

// transport makes connections of HTTP/2 for a scheme.
func (c *clients) transport() (t *http.Transport, scheme string) {
	t = &http.Transport{Protocols: new(http.Protocols)}
	if !c.tls {
		t.Protocols.SetUnencryptedHTTP2(true)
		return t, "http"
	}
	t.Protocols.SetHTTP2(true)
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"} //nolint:gosec // G402: see dial
	return t, "https"
}

// stream sends one request. It reports whether the connection has taken it.
func stream(session *http.ClientConn, url string) (taken bool, err error) {
	var sent atomic.Bool
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := session.RoundTrip(request)
	if err != nil {
		return sent.Load(), err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return true, err
}
