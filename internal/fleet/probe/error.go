package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// StatusError is an answer to a health check that is not 2xx. The instance works,
// and says that it is not ready.
type StatusError struct {
	Path   string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("GET %s: status %d, not 2xx", e.Path, e.Status)
}

// Answered reports whether err is an answer that is not 2xx.
func Answered(err error) bool {
	var status *StatusError
	return errors.As(err, &status)
}

// Unavailable reports whether err is an answer with the status 503.
func Unavailable(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Status == http.StatusServiceUnavailable
}

// grpcError is an answer of grpc.health.v1 other than SERVING. It is the answer of HTTP that
// means the same.
type grpcError struct {
	text string
	as   StatusError
}

func (e *grpcError) Error() string { return "grpc.health.v1: " + e.text }

// Unwrap returns the answer of HTTP.
func (e *grpcError) Unwrap() error { return &e.as }

// SilenceError says that a health check got no answer in time. It is a
// context.DeadlineExceeded.
type SilenceError struct {
	Path  string
	Limit time.Duration
}

func (e *SilenceError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("grpc.health.v1: no answer within %v", e.Limit)
	}
	return fmt.Sprintf("GET %s: no answer within %v", e.Path, e.Limit)
}

// Is reports whether target is what e also is.
func (e *SilenceError) Is(target error) bool { return target == context.DeadlineExceeded }

// probeError returns the error of a health check that got no HTTP response from
// address, in words that say more than those of net/http.
func probeError(address string, err error) error {
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w on %s", syscall.ECONNREFUSED, address)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("the instance has not made the socket %s", address)
	case strings.Contains(text, http2Settings):
		return errors.New("the instance speaks HTTP/2 only, and dynlb HTTP/1.1 to it; for HTTP/2 set protocol: h2c")
	case strings.Contains(text, http1Answer), strings.Contains(text, noSettings):
		return errors.New("the instance does not speak HTTP/2 with prior knowledge, which protocol: h2c means")
	case strings.Contains(text, tlsAlert):
		return errors.New("the instance speaks TLS, and dynlb speaks plain HTTP to instances")
	default:
		return err // has the method, the URL and the cause
	}
}

// What net/http says of an answer that begins with a SETTINGS frame of HTTP/2, whose
// length is below 256 (RFC 9113, 4.1 and 6.5), or with an alert of TLS 1.0 to 1.3
// (RFC 8446, 5.1); and of one to HTTP/2 that is of HTTP/1.1.
const (
	http2Settings = `malformed HTTP response "\x00\x00`
	tlsAlert      = `malformed HTTP response "\x15\x03`
	http1Answer   = `frame header looked like an HTTP/1.1 header`
	noSettings    = `http2: client conn could not be established`
)

// WithLastAnswer adds the last real answer to the error of a health check that got
// none. The result is not an answer itself.
func WithLastAnswer(err, answer error) error {
	if answer == nil || Answered(err) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w; its last answer was %s", err, answer.Error())
}
