package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	// maxAttempts bounds how many claims a request may use up. An instance that
	// refuses a connection is not claimed again, so that this is how many may
	// have died unnoticed.
	maxAttempts = 10
	// resendWithin is how soon a connection must break for a request to be sent
	// again after it was sent. One that the instance had closed already breaks
	// within a round trip, one that lasts so long was closed by decision: Bun
	// does so with a handler that is silent for 10 s.
	resendWithin = 5 * time.Second
)

// connectError says that no connection could be made.
type connectError struct{ cause error }

func (e *connectError) Error() string { return "connect to instance: " + e.cause.Error() }

func (e *connectError) Unwrap() error { return e.cause }

// ours reports whether it was for want of something on our side: the instance
// is not to blame, and another would not do better.
func (e *connectError) ours() bool {
	for _, errno := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(e.cause, errno) {
			return true
		}
	}
	return false
}

// brokenError says that a connection broke before a whole response header.
type brokenError struct {
	cause    error
	sent     bool // a byte of the request
	received bool // a byte of the response
	after    time.Duration
}

func (e *brokenError) Error() string { return "exchange with instance: " + e.cause.Error() }

func (e *brokenError) Unwrap() error { return e.cause }

// RoundTrip sends req to the instance that was claimed. As long as the instance
// cannot have got any of it, it claims others. It makes an exchange the
// transport of its ReverseProxy.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		res, err := e.try(req)
		if err == nil || attempt == maxAttempts || !e.mayRetry(req, err, false) && !e.died(req, err) {
			return res, err
		}
		if err := e.claim(); err != nil {
			return nil, err
		}
	}
}

// try sends req to the claimed instance, on an idle connection or else on a new
// one. When the idle one turns out to be closed, it takes a new one at once: if
// the instance is gone, connecting shows it.
func (e *exchange) try(req *http.Request) (*http.Response, error) {
	pool, address := e.proxy.pool, e.lease.Address()
	req.URL.Host = address
	if u := pool.get(address); u != nil {
		res, err := e.send(u, req)
		if err == nil || !e.mayRetry(req, err, true) {
			return res, err
		}
	}
	u, err := pool.dial(req.Context(), address)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			e.lease.Refused()
		}
		return nil, err
	}
	return e.send(u, req)
}

// mayRetry reports whether req may be sent once more after err, on another
// connection. reused tells that the one that broke had been idle.
func (e *exchange) mayRetry(req *http.Request, err error, reused bool) bool {
	if req.Context().Err() != nil {
		return false
	}
	if connect, ok := errors.AsType[*connectError](err); ok {
		return !connect.ours()
	}
	broken, ok := errors.AsType[*brokenError](err)
	if !ok || !e.upload.whole() {
		return false
	}
	if !broken.sent {
		return true
	}
	again := reused && !broken.received && broken.after < resendWithin &&
		e.repeatable(req) && !errors.Is(err, context.DeadlineExceeded)
	e.resent = e.resent || again
	return again
}

// died reports whether the connection broke because the instance is gone, and
// req may be sent to another: a connection in its backlog is broken like one in
// use. That it takes no new ones shows it.
func (e *exchange) died(req *http.Request, err error) bool {
	broken, ok := errors.AsType[*brokenError](err)
	if !ok || broken.received || !e.repeatable(req) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	u, err := e.proxy.pool.dial(req.Context(), e.lease.Address())
	if err == nil {
		u.close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	e.lease.Refused()
	e.resent = true
	return true
}

// repeatable reports whether req may be sent again after it was sent: there is
// nothing left to send that was not kept, doing it twice does no harm, and it was
// not sent twice already. It may be what kills the instances it is sent to.
func (e *exchange) repeatable(req *http.Request) bool {
	return !e.resent && req.Body == nil && idempotent(req.Method) && req.Context().Err() == nil
}

// idempotent reports whether doing a request twice is the same as doing it once
// (RFC 9110, 9.2.2). Unknown methods are not.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	default:
		return false
	}
}

// send sends req on u and returns the response. It closes u on any error.
func (e *exchange) send(u *upstream, req *http.Request) (*http.Response, error) {
	u.socket.expect(req.Method == http.MethodHead, req.Header.Get("Upgrade") != "")
	start := time.Now()
	res, err := u.client.RoundTrip(req)
	if err != nil {
		intact := u.client.Err() == nil
		u.close()
		if intact {
			return nil, err // net/http found fault with the request
		}
		return nil, &brokenError{
			cause: err, sent: u.socket.sent.Load(), received: u.socket.received.Load(), after: time.Since(start),
		}
	}
	if err := checkResponse(req, res); err != nil {
		_ = res.Body.Close() // after a 101 the socket is the body's
		u.close()
		return nil, &brokenError{cause: err, sent: true, received: true}
	}
	e.code = res.StatusCode
	e.lease.Responded(e.upload.since(start), res.StatusCode < http.StatusInternalServerError)
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, nil // the socket is the tunnel's
	}
	e.readyWriter()
	if _, ok := res.Header["Content-Type"]; !ok {
		e.writer.Header()["Content-Type"] = nil // net/http would guess one
	}
	if res.Body == http.NoBody {
		u.release()
		return res, nil
	}
	e.download = download{body: res.Body, from: u}
	res.Body = &e.download
	return res, nil
}

// Why a response that net/http can read is no good.
var (
	errBadStatus = errors.New("malformed HTTP status code")
	errBadSwitch = errors.New("switched to a protocol that was not asked for")
)

// checkResponse finds the responses that net/http lets through and ReverseProxy
// cannot handle without harm: it panics, or loses the connection.
func checkResponse(req *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		asked := req.Header.Get("Upgrade")
		if asked == "" || !strings.EqualFold(asked, res.Header.Get("Upgrade")) {
			return errBadSwitch
		}
		return nil
	}
	if res.StatusCode < http.StatusOK {
		return errBadStatus
	}
	return nil
}
