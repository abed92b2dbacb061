package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A request is one of the load's: a GET of an item, or a POST of an order.
type request struct {
	id    string        // no other has it
	post  bool          // has content, and is not repeated: a POST or a PUT; else a GET or a HEAD
	size  int           // bytes of body: of the answer to a GET, of a POST
	delay time.Duration // how long the app waits before it answers a GET
	at    time.Duration // when it is to be sent, since the load began

	// Those of a mixed soak only.
	verb    string // "": POST or GET
	status  int    // the status asked for; 0: 200
	chunked bool   // how the content is sent
	named   bool   // the answer must name the id in X-Soak-Id
}

func (r *request) method() string {
	if r.verb != "" {
		return r.verb
	}
	if r.post {
		return http.MethodPost
	}
	return http.MethodGet
}

// bytes returns the request as it is sent.
func (r *request) bytes(host string) []byte {
	switch content := pattern(r.id, r.size); {
	case r.chunked:
		half := r.size / 2
		return fmt.Appendf(nil, "%s /order/%s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n",
			r.method(), r.id, host, half, content[:half], r.size-half, content[half:])
	case r.post:
		return fmt.Appendf(nil, "%s /order/%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
			r.method(), r.id, host, r.size, content)
	}
	status := ""
	if r.status != 0 {
		status = fmt.Sprintf("&status=%d", r.status)
	}
	return fmt.Appendf(nil, "%s /item/%s?size=%d&ms=%d%s HTTP/1.1\r\nHost: %s\r\n\r\n",
		r.method(), r.id, r.size, r.delay.Milliseconds(), status, host)
}

// notMyBody is what an app answers with a 400 to content that is not the request's.
const notMyBody = "not my body"

// errStrayBody reports that an answer belongs to another request or is garbled.
var errStrayBody = errors.New("the body is not this request's")

// check returns why an answer is not the right one: a *statusError, or
// errStrayBody.
func (r *request) check(a answer) error {
	if a.status != cmp.Or(r.status, http.StatusOK) {
		return &statusError{a.status, a.body, a.later}
	}
	if r.named && a.id != r.id {
		return fmt.Errorf("%w: X-Soak-Id is %q", errStrayBody, a.id)
	}
	var want string
	switch {
	case r.post:
		want = "ordered " + r.id
	case r.method() != http.MethodHead && r.status == 0:
		want = pattern(r.id, r.size)
	}
	if a.body != want {
		return fmt.Errorf("%w: %d bytes that begin with %q", errStrayBody, len(a.body), a.body[:min(len(a.body), 24)])
	}
	return nil
}

// statusError is an answer other than 200.
type statusError struct {
	status int
	body   string
	later  bool // it has Retry-After
}

func (e *statusError) Error() string {
	return fmt.Sprintf("status %d: %s", e.status, strings.TrimSpace(e.body[:min(len(e.body), 160)]))
}

// pattern returns size bytes of id over and over.
func pattern(id string, size int) string {
	word := id + " "
	return strings.Repeat(word, size/len(word)+1)[:size]
}

// lossAllowed reports whether err may happen to a POST whose instance is killed
// or frozen: it is not sent again, and it is unknown whether it was carried out.
func lossAllowed(err error) bool {
	if status, ok := errors.AsType[*statusError](err); ok {
		return status.status == http.StatusBadGateway || status.status == http.StatusGatewayTimeout
	}
	_, broken := errors.AsType[*brokenError](err)
	return broken
}

// cutOff reports whether err is the end of a response within its content.
func cutOff(err error) bool {
	broken, ok := errors.AsType[*brokenError](err)
	return ok && broken.step == readBody
}
