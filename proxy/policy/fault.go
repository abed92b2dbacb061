package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// StatusClientClosed is recorded for a request that the client gave up before
// it had the whole response. It is never sent.
const StatusClientClosed = 499

// A client that is turned away should come back after such a time.
const (
	retrySoon  = time.Second      // the next response makes room
	retryLater = 5 * time.Second  // instances are being started
	retryLate  = 30 * time.Second // instances cannot be started until an operator acts
	maxRetry   = time.Minute      // however many requests wait
)

// Fault is the answer to a request that failed.
type Fault struct {
	// Code is the status of the response. StatusClientClosed: none is sent.
	Code int
	// Message is what is wrong, and Reason why; Reason is "" if there is no more to
	// say.
	Message, Reason string
	// RetryAfter is when the client should come back. 0: the answer does not say.
	RetryAfter time.Duration
	// Source is where the error came from.
	Source outcome.Source
	// Key names the configuration keys that set what was exceeded; "" if there are
	// none.
	Key string
	// Extras are what the rules in front of an app add to the answer; nil: nothing.
	Extras *Extras
}

// Extras are additions to the answer to a request that failed.
type Extras struct {
	// Fields are further fields of the response.
	Fields [][2]string
	// Content is the content of the response, of the media type Type, in place of the
	// fault as JSON. Nil: the fault.
	Content []byte
	Type    string
	// Quiet tells that the failure is not logged by default: there may be one for each
	// request of a client that is not let in.
	Quiet bool
}

// IsQuiet reports whether the failure is not logged by default.
func (f *Fault) IsQuiet() bool { return f.Extras != nil && f.Extras.Quiet }

// Cause returns err, of which f was made, with the keys, for the log.
func (f Fault) Cause(err error) error {
	if f.Key == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, f.Key)
}

// The configuration keys that an answer names.
const (
	keyRequestTimeout = "requestTimeout"
	keyQueueLimit     = "queue.limit"
	keyQueueTimeout   = "queue.timeout"
	keyRequestLine    = "limits.requestLine"
	keyHeader         = "limits.header, limits.headerFields"
	keyHeaderTimeout  = "limits.headerTimeout"
	keyBodyTimeout    = "limits.bodyTimeout"
)

// FaultOf turns an error into a Fault. It is the only place that does. trouble is why
// instances cannot be started, or "".
func FaultOf(err error, trouble string) Fault {
	var broken *BrokenError
	var connect *ConnectError
	var violation *http1.Error
	var rejected *RejectedError
	var late *DeadlineError
	switch {
	case errors.As(err, &rejected):
		return rejected.Answer
	case errors.As(err, &late):
		return late.fault()
	case errors.Is(err, context.Canceled):
		return Fault{Code: StatusClientClosed, Message: "client closed the request", Source: outcome.Client}
	case errors.Is(err, ErrShutdown):
		return Fault{
			Code: http.StatusServiceUnavailable, Message: "the load balancer is shutting down",
			Reason: ErrShutdown.Error(), RetryAfter: retrySoon, Source: outcome.Dynlb,
		}
	case errors.Is(err, registry.ErrPaused):
		return paused(err)
	case errors.Is(err, registry.ErrQueueFull):
		return unavailable(err, trouble, retryAfter(err, retrySoon), keyQueueLimit)
	case errors.Is(err, registry.ErrQueueTimeout):
		return unavailable(err, trouble, retryAfter(err, retryLater), keyQueueTimeout)
	case errors.Is(err, registry.ErrOverloaded):
		return unavailable(err, trouble, retryAfter(err, retrySoon), "")
	case errors.Is(err, registry.ErrClosed), errors.Is(err, registry.ErrNoStart):
		return unavailable(err, trouble, retryLater, "")
	case errors.Is(err, ErrStreams):
		return Fault{
			Code: http.StatusServiceUnavailable, Message: "too many requests on one connection",
			Reason: err.Error(), RetryAfter: retrySoon, Source: outcome.Dynlb,
		}
	case errors.Is(err, ErrConnectMethod), errors.Is(err, ErrTraceMethod), errors.Is(err, ErrNoSwitch), errors.Is(err, ErrNoWebSocket):
		return unsupported(err)
	case errors.Is(err, ErrNoHost): // RFC 9110, 15.5.20
		return Fault{Code: http.StatusMisdirectedRequest, Message: "misdirected request", Reason: ErrNoHost.Error(), Source: outcome.Client}
	case errors.Is(err, ErrNoApp):
		return Fault{Code: http.StatusNotFound, Message: "not found", Reason: ErrNoApp.Error(), Source: outcome.Client}
	case errors.As(err, &connect) && connect.ours():
		return Fault{
			Code: http.StatusServiceUnavailable, Message: "the load balancer cannot open a connection",
			Reason: errnoText(err), RetryAfter: retrySoon, Source: outcome.Dynlb,
		}
	case connect != nil:
		return Fault{Code: http.StatusBadGateway, Message: "the instance cannot be reached", Reason: errnoText(err), Source: outcome.Instance}
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut(err)
	case errors.As(err, &broken):
		return Fault{Code: http.StatusBadGateway, Message: broken.what(), Reason: broken.why(), Source: outcome.Instance}
	case errors.As(err, &violation):
		return ViolationFault(violation)
	default:
		return Fault{Code: http.StatusBadRequest, Message: "the request cannot be forwarded", Source: outcome.Client}
	}
}

// unsupported is the answer to a method or a protocol that is not for this app.
func unsupported(err error) Fault {
	f := Fault{Code: http.StatusNotImplemented, Message: "method not supported", Reason: err.Error(), Source: outcome.Client}
	switch {
	case errors.Is(err, ErrTraceMethod):
		f.Code, f.Message = http.StatusMethodNotAllowed, "method not allowed"
	case errors.Is(err, ErrNoSwitch):
		f.Code, f.Message = http.StatusBadRequest, "no such protocol here"
	case errors.Is(err, ErrNoWebSocket):
		f.Message = "no WebSockets here"
	}
	return f
}

// timedOut returns the answer when an instance did not respond in time.
func timedOut(err error) Fault {
	f := Fault{Code: http.StatusGatewayTimeout, Message: "the instance did not respond in time", Source: outcome.Instance}
	if late, ok := errors.AsType[*TimeoutError](err); ok {
		f.Reason, f.Key = late.Error(), keyRequestTimeout
	}
	return f
}

// unavailable returns the answer to a request that got no instance; key names the limit
// that it met.
func unavailable(err error, trouble string, retry time.Duration, key string) Fault {
	f := Fault{
		Code: http.StatusServiceUnavailable, Message: "no instance available",
		Reason: err.Error(), RetryAfter: retry, Source: outcome.Dynlb, Key: key,
	}
	if trouble != "" {
		f.Reason, f.RetryAfter, f.Key = trouble, retryLate, ""
	}
	return f
}

// paused returns the answer to a request that an app did not get in time because it is
// paused.
func paused(err error) Fault {
	f := Fault{
		Code: http.StatusServiceUnavailable, Message: "the app is paused", Reason: err.Error(), RetryAfter: retryLater,
		Source: outcome.Dynlb, Key: keyQueueTimeout,
	}
	if errors.Is(err, registry.ErrQueueFull) {
		f.Key = keyQueueLimit
	}
	return f
}

// retryAfter returns when a client that was refused with err should come back: when the
// requests that wait have got an instance, in whole seconds. If that is not known, it
// returns otherwise.
func retryAfter(err error, otherwise time.Duration) time.Duration {
	refused, ok := errors.AsType[*registry.RefusedError](err)
	if !ok || refused.RetryAfter <= 0 {
		return otherwise
	}
	return min((refused.RetryAfter + time.Second - 1).Truncate(time.Second), maxRetry)
}

// ViolationFault returns the answer to a request that violates the protocol.
func ViolationFault(e *http1.Error) Fault {
	f := Fault{Code: e.Status, Message: "the request is malformed", Reason: e.Reason, Source: outcome.Client}
	switch e.Status {
	case http.StatusRequestTimeout:
		f.Message, f.Key = "the request is too slow", keyHeaderTimeout
		if e == ErrSlowBody {
			f.Key = keyBodyTimeout
		}
	case http.StatusRequestURITooLong:
		f.Message, f.Key = "the request is too large", keyRequestLine
	case http.StatusRequestHeaderFieldsTooLarge:
		f.Message, f.Key = "the request is too large", keyHeader
	case http.StatusExpectationFailed:
		f.Message = "the request expects too much"
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		f.Message = "the request needs what is not supported"
	}
	return f
}

// errnoText returns the bare reason of a failed system call: it names no address.
func errnoText(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "connection timed out"
	}
	return ""
}
