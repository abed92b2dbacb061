package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// RoundTrip sends req to the instance that was claimed. As long as the instance
// cannot have got any of it, or repeating it does no harm, it claims others. It
// makes an exchange the transport of its ReverseProxy.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	fresh := false // the connection must be a new one
	for claims := 1; ; {
		u, err := e.connection(req, fresh)
		if err == nil {
			var res *http.Response
			if res, err = e.send(u, req); err == nil {
				return res, nil
			}
		}
		reused := u != nil && u.reused
		retry := e.decide(req, err, reused)
		if retry == fault.Outlive || retry == fault.Anew && !reused {
			claims++
			if claims > fault.MaxAttempts {
				return nil, err
			}
		}
		if retry == fault.Never || !e.proxy.options.Registry.Retry() {
			return nil, err
		}
		// When an idle connection turns out to be closed, the same instance gets a
		// new one: if it is gone, connecting shows it.
		if fresh = reused && retry != fault.Outlive; fresh {
			e.sent = e.sent || retry == fault.Resend
			continue
		}
		e.sent = false
		if err := e.claimAnother(); err != nil {
			return nil, err
		}
	}
}

// decide tells whether req may be sent once more after err, which it holds
// against the instance unless it died. reused tells that the connection that
// broke had been idle.
func (e *exchange) decide(req *http.Request, err error, reused bool) fault.Retry {
	retry := e.mayRetry(req, err, reused)
	if retry == fault.Never && e.died(req, err) {
		retry = fault.Outlive
	} else {
		e.blame(req, err, reused)
	}
	e.resent = e.resent || retry == fault.Resend
	e.outlived = e.outlived || retry == fault.Outlive
	return retry
}

// connection returns one to the claimed instance, an idle one unless it must be
// fresh, or else a new one.
func (e *exchange) connection(req *http.Request, fresh bool) (*upstream, error) {
	pool, endpoint := e.proxy.pool, e.lease.Endpoint()
	req.URL.Host = endpoint.Address
	if !fresh {
		if u := pool.get(endpoint); u != nil {
			return u, nil
		}
	}
	u, err := pool.dial(req.Context(), endpoint)
	if errors.Is(err, syscall.ECONNREFUSED) {
		e.lease.Refused()
	}
	return u, err
}

// blame holds against the instance what it did, if it was that.
func (e *exchange) blame(req *http.Request, err error, reused bool) {
	if _, ok := e.clientFault(); ok {
		return
	}
	if reason := e.attempt(req, reused).Failure(err); reason != "" {
		e.lease.Failed(reason)
	}
}

// mayRetry tells whether req may be sent once more after err, on another
// connection, by what is known at once.
func (e *exchange) mayRetry(req *http.Request, err error, reused bool) fault.Retry {
	if req.Context().Err() != nil {
		return fault.Never
	}
	return e.attempt(req, reused).After(err)
}

// died reports whether the connection broke because the instance is gone, and
// req may be sent to another: a connection in its backlog is broken like one in
// use. That it takes no new ones shows it, or else whoever runs it sees it soon.
func (e *exchange) died(req *http.Request, err error) bool {
	if req.Context().Err() != nil || !e.attempt(req, false).AfterDeath(err) {
		return false
	}
	u, err := e.proxy.pool.dial(req.Context(), e.lease.Endpoint())
	if err == nil {
		u.close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		e.lease.Refused()
		return true
	}
	late := time.NewTimer(fault.DeathWithin)
	defer late.Stop()
	select {
	case <-e.lease.Dead():
		return true
	case <-late.C:
	case <-req.Context().Done():
	}
	return false
}

// attempt is what the retry rules need to know.
func (e *exchange) attempt(req *http.Request, reused bool) fault.Attempt {
	return fault.Attempt{
		Method: req.Method, Content: req.Body != nil, Untouched: e.upload.whole(),
		Reused: reused, Sent: e.sent, Resent: e.resent, Outlived: e.outlived,
		Implicated: e.lease.Implicated(),
	}
}

// send sends req on u and returns the response. It closes u on any error.
func (e *exchange) send(u *upstream, req *http.Request) (*http.Response, error) {
	u.socket.expect(req.Method == http.MethodHead, req.Header.Get("Upgrade") != "", req.Body != nil)
	start := time.Now()
	e.upload.track(e.lease)
	wait := newPatience(u, e.upload, start, e.settings.RequestTimeout)
	res, err := u.client.RoundTrip(req)
	if wait.stop() {
		err = context.DeadlineExceeded
	}
	if err != nil {
		intact := u.client.Err() == nil
		u.close()
		if intact {
			return nil, err // net/http found fault with the request
		}
		return nil, &fault.BrokenError{
			Cause: err, Sent: u.socket.sent.Load(), Received: u.socket.received.Load(), After: time.Since(start),
		}
	}
	if err := checkResponse(req, res); err != nil {
		_ = res.Body.Close() // after a 101 the socket is the body's
		u.close()
		return nil, &fault.BrokenError{Cause: err, Sent: true, Received: true}
	}
	e.code = res.StatusCode
	e.lease.Responded(e.upload.since(start), res.StatusCode)
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
	e.download = download{body: res.Body, from: u, lease: e.lease}
	res.Body = &e.download
	return res, nil
}

// errBadStatus says that a response that net/http can read is no good.
var errBadStatus = errors.New("malformed HTTP status code")

// checkResponse finds the responses that net/http lets through and ReverseProxy
// cannot handle without harm: it panics, or loses the connection.
func checkResponse(req *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		asked := req.Header.Get("Upgrade")
		if asked == "" || !strings.EqualFold(asked, res.Header.Get("Upgrade")) {
			return fault.ErrSwitch
		}
		return nil
	}
	if res.StatusCode < http.StatusOK {
		return errBadStatus
	}
	return nil
}
