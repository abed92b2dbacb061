package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// RoundTrip sends req to the instance that was claimed, and after that wherever
// package policy decides. It makes an exchange the transport of its ReverseProxy.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	e.attempts = policy.Begin(req.Method, req.Body != nil, e.proxy.options.Registry)
	fresh := false // the connection must be a new one
	for {
		u, err := e.connection(req, fresh)
		if err == nil {
			var res *http.Response
			if res, err = e.send(u, req); err == nil {
				return res, nil
			}
		}
		switch step, err := e.decide(req, err); step {
		case policy.Resend:
			fresh = true
		case policy.Another:
			fresh = false
			if err := e.claimAnother(); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// decide returns what to do after an attempt has failed with err, and the error
// that the request fails with if that is to fail.
func (e *exchange) decide(req *http.Request, err error) (policy.Step, error) {
	if _, ok := e.clientFault(); ok {
		return policy.Fail, err
	}
	d := e.attempts.Next(err)
	if d.Step == policy.CheckAlive {
		found := e.liveness(req)
		if req.Context().Err() != nil {
			return policy.Fail, err
		}
		d = e.attempts.Checked(found)
	}
	d.Report(e.lease)
	return d.Step, d.Err
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
	return pool.dial(req.Context(), endpoint)
}

// liveness finds out whether the instance is alive.
func (e *exchange) liveness(req *http.Request) policy.Liveness {
	u, err := e.proxy.pool.dial(req.Context(), e.lease.Endpoint())
	if err == nil {
		u.close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return policy.Refusing
	}
	late := time.NewTimer(policy.DeathWithin)
	defer late.Stop()
	select {
	case <-e.lease.Dead():
		return policy.Dead
	case <-late.C:
	case <-req.Context().Done():
	}
	return policy.Alive
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
		return nil, &policy.BrokenError{
			Cause: err, Sent: u.socket.sent.Load(), Received: u.socket.received.Load(), Reused: u.reused,
			Consumed: !e.upload.whole(), Implicated: e.lease.Implicated(), After: time.Since(start),
		}
	}
	if err := checkResponse(req, res); err != nil {
		_ = res.Body.Close() // after a 101 the socket is the body's
		u.close()
		return nil, &policy.BrokenError{Cause: err, Sent: true, Received: true, Reused: u.reused, Implicated: e.lease.Implicated()}
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
			return policy.ErrSwitch
		}
		return nil
	}
	if res.StatusCode < http.StatusOK {
		return errBadStatus
	}
	return nil
}
