package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A place is where a server is measured.
type place struct {
	dir, dynlb string
	basePort   int // of 20 ports
}

// A result is what was seen of a server. Its texts are cells of the table.
type result struct {
	err                                                 error
	version, idle, term, head, trailers, expect, losses string
}

// Times of the measurements.
const (
	// idleLimit is how long an idle connection is watched. The longest defaults
	// below it are 75 s.
	idleLimit = 80 * time.Second
	// strayFor is how long bytes after a response to HEAD are waited for.
	strayFor = 300 * time.Millisecond
	// continueFor is how long a 100 is waited for; clients wait 1 s.
	continueFor = time.Second
	// endFor is how long a server may take to end after SIGTERM.
	endFor = 15 * time.Second
)

// measure makes all measurements of one server.
func measure(ctx context.Context, p place, s server) result {
	r := result{version: s.version(ctx)}
	direct, err := p.launch(ctx, s, p.basePort)
	if err != nil {
		return result{err: err}
	}
	defer direct.kill()
	r.head = probeHead(direct.address)
	r.trailers = probeTrailers(direct.address)
	r.expect = probeExpect(direct.address)
	var both sync.WaitGroup
	both.Go(func() { r.idle, _ = probeIdle(direct.address, idleLimit) }) // ends after idleLimit
	_, pause := probeIdle(direct.address, pauseLimit)
	r.losses, r.err = p.throughDynlb(ctx, s, pause)
	both.Wait()
	r.term = probeTerm(direct)
	return r
}

// probeIdle tells how long the server keeps an idle connection, in words and, if it
// closed the connection itself and in time, as a duration.
func probeIdle(address string, limit time.Duration) (string, time.Duration) {
	c, err := dial(address)
	if err != nil {
		return cell(err), 0
	}
	defer c.Close()
	got, err := c.ask("GET", "/", "", "")
	if err != nil {
		return cell(err), 0
	}
	began := time.Now()
	c.SetDeadline(began.Add(limit))
	_, err = c.in.ReadByte()
	took := time.Since(began)
	switch announced := got.Close || got.ProtoMinor == 0; {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("over %.0f s", limit.Seconds()), 0
	case announced:
		return "none: closes after each response", 0
	case took < 100*time.Millisecond:
		return "none: closes after each response, without `Connection: close`", 0
	default:
		return fmt.Sprintf("%.1f s", took.Seconds()), took
	}
}

// probeHead tells what comes after the head of a response to HEAD.
func probeHead(address string) string {
	c, err := dial(address)
	if err != nil {
		return cell(err)
	}
	defer c.Close()
	got, err := c.ask("HEAD", "/", "", "")
	if err != nil {
		return cell(err)
	}
	c.SetDeadline(time.Now().Add(strayFor))
	rest, err := io.ReadAll(c.in)
	text := "no"
	if len(rest) > 0 {
		text = "**yes**"
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) && len(rest) > 0 {
		text += ", then closes"
	}
	if len(rest) > 0 && !got.Close && errors.Is(err, os.ErrDeadlineExceeded) {
		text += ", and keeps the connection"
	}
	return text
}

// probeTrailers tells what becomes of a chunked request with a trailer field.
func probeTrailers(address string) string {
	c, err := dial(address)
	if err != nil {
		return cell(err)
	}
	defer c.Close()
	got, err := c.ask("POST", "/", "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n",
		"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	switch {
	case errors.Is(err, errStatus):
		return fmt.Sprintf("refused: %d", got.StatusCode)
	case err != nil:
		return cell(err)
	case got.body != "5\n":
		return fmt.Sprintf("**wrong content**: the app reads %s bytes of 5", strings.TrimSpace(got.body))
	case got.Close || got.ProtoMinor == 0:
		return "accepted"
	}
	switch next, err := c.ask("GET", "/", "", ""); {
	case errors.Is(err, errStatus):
		return fmt.Sprintf("accepted; the next request on the connection gets %d", next.StatusCode)
	case err != nil:
		return "accepted; the connection ends before the next response"
	case next.body != hello:
		return "accepted; the next response on the connection is wrong"
	}
	return "accepted"
}

// probeExpect tells whether the server sends a 100, and when.
func probeExpect(address string) string {
	c, err := dial(address)
	if err != nil {
		return cell(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(continueFor))
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		return cell(err)
	}
	line, err := c.in.ReadString('\n')
	text := "no 100"
	switch {
	case err == nil && strings.Contains(line, " 100 "):
		text = "100"
		for line != "\r\n" && err == nil {
			line, err = c.in.ReadString('\n')
		}
	case err == nil:
		return "answers " + strings.TrimSpace(line)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return cell(err)
	}
	c.SetDeadline(time.Now().Add(answerWithin))
	if _, err := io.WriteString(c, hello[:5]); err != nil {
		return text + ", then " + cell(err)
	}
	got, err := c.receive("POST")
	if errors.Is(err, errStatus) && got.StatusCode == http.StatusContinue {
		text += ", twice"
		got, err = c.receive("POST")
	}
	if err != nil {
		return text + ", then " + cell(err)
	}
	if got.body != "5\n" {
		return fmt.Sprintf("%s, but the app reads %s bytes of 5", text, strings.TrimSpace(got.body))
	}
	return text
}

// probeTerm sends SIGTERM to the group, as dynlb does, while a request is in flight.
func probeTerm(r *process) string {
	c, err := dial(r.address)
	if err != nil {
		return cell(err)
	}
	defer c.Close()
	done := make(chan error, 1)
	go func() { // ends with the request
		got, err := c.ask("GET", "/wait", "", "")
		if err == nil && got.body != hello {
			err = io.ErrUnexpectedEOF
		}
		done <- err
	}()
	time.Sleep(waitFor / 4)
	began := time.Now()
	r.signal(syscall.SIGTERM)
	text := "finishes it"
	if err := <-done; err != nil {
		text = "**cuts it off**"
	}
	select {
	case <-r.ended:
		return fmt.Sprintf("%s, ends after %.1f s", text, time.Since(began).Seconds())
	case <-time.After(endFor):
		return fmt.Sprintf("%s, still runs after %.0f s", text, endFor.Seconds())
	}
}

// cell is an error as the text of a cell.
func cell(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("no response within %.0f s", answerWithin.Seconds())
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closes the connection without a response"
	}
	return err.Error()
}
