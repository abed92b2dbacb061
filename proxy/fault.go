package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// Requests that are not for a reverse proxy to forward.
var (
	errConnect = errors.New("CONNECT is for forward proxies")
	errTrace   = errors.New("TRACE would show the instance's view of the request, credentials too")
)

// When a client that was turned away should come back.
const (
	retrySoon  = time.Second      // the next response makes room
	retryLater = 5 * time.Second  // instances are being started
	retryLate  = 30 * time.Second // instances cannot be started: someone has to act
)

// fault is what a client is told about a request that failed.
type fault struct {
	code       int
	message    string        // what is wrong
	reason     string        // why, "" when message says it all
	retryAfter time.Duration // 0: nothing is said
}

// faultOf turns an error into a fault. It is the one place that does. trouble
// is why instances cannot be started, or "".
func faultOf(err error, trouble string) fault {
	var broken *brokenError
	var connect *connectError
	var violation *http1.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fault{code: StatusClientClosed, message: "client closed the request"}
	case errors.Is(err, registry.ErrQueueFull):
		return unavailable(err, trouble, retrySoon)
	case errors.Is(err, registry.ErrQueueTimeout), errors.Is(err, registry.ErrClosed):
		return unavailable(err, trouble, retryLater)
	case errors.Is(err, errConnect):
		return fault{code: http.StatusNotImplemented, message: "method not supported", reason: err.Error()}
	case errors.Is(err, errTrace):
		return fault{code: http.StatusMethodNotAllowed, message: "method not allowed", reason: err.Error()}
	case errors.As(err, &connect) && connect.ours():
		return fault{
			code: http.StatusServiceUnavailable, message: "the load balancer cannot open a connection",
			reason: errnoText(err), retryAfter: retrySoon,
		}
	case connect != nil:
		return fault{code: http.StatusBadGateway, message: "the instance cannot be reached", reason: errnoText(err)}
	case errors.Is(err, context.DeadlineExceeded):
		return fault{code: http.StatusGatewayTimeout, message: "the instance did not respond in time"}
	case errors.As(err, &broken):
		return fault{code: http.StatusBadGateway, message: broken.what()}
	case errors.As(err, &violation):
		return refusal(violation)
	default: // net/http or ReverseProxy found fault with the request
		return fault{code: http.StatusBadRequest, message: "the request cannot be forwarded"}
	}
}

func unavailable(err error, trouble string, retry time.Duration) fault {
	f := fault{
		code: http.StatusServiceUnavailable, message: "no instance available",
		reason: err.Error(), retryAfter: retry,
	}
	if trouble != "" {
		f.reason, f.retryAfter = trouble, retryLate
	}
	return f
}

// what says what the instance did.
func (e *brokenError) what() string {
	switch {
	case !e.received:
		return "the instance closed the connection without a response"
	case errors.Is(e.cause, io.ErrUnexpectedEOF), errors.Is(e.cause, io.EOF), errors.Is(e.cause, syscall.ECONNRESET):
		return "the instance closed the connection in the middle of the response header"
	default:
		return "the instance sent an invalid response"
	}
}

// errnoText is the bare reason of a failed system call: it names no address.
func errnoText(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "connection timed out"
	}
	return ""
}

// fail answers the request with what err comes to. It has the signature of
// httputil.ReverseProxy.ErrorHandler.
func (e *exchange) fail(_ http.ResponseWriter, _ *http.Request, err error) {
	if e.code == http.StatusSwitchingProtocols { // past answering: the socket is not net/http's any more
		e.log(slog.LevelDebug, "tunnel failed to open", err)
		panic(http.ErrAbortHandler)
	}
	f := e.fault(err)
	e.code = f.code
	switch f.code {
	case StatusClientClosed:
		e.log(slog.LevelDebug, f.message, nil)
		panic(http.ErrAbortHandler)
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		e.log(slog.LevelWarn, f.message, err)
	default:
		e.log(slog.LevelInfo, f.message, err)
	}
	e.readyWriter()
	f.write(e.writer)
}

// fault tells the client's doing from that of others.
func (e *exchange) fault(err error) fault {
	if bad := violationOn(e.request.Context()); bad != nil {
		return refusal(bad)
	}
	if errors.Is(e.request.Context().Err(), context.Canceled) {
		err = context.Canceled
	} else if cause := e.upload.failure(); errors.Is(cause, os.ErrDeadlineExceeded) {
		return refusal(errSlowBody)
	} else if cause != nil {
		return fault{code: http.StatusBadRequest, message: "the request body cannot be read", reason: cause.Error()}
	}
	return faultOf(err, e.proxy.options.Registry.Trouble())
}

// body returns the fault as JSON.
func (f fault) body() []byte {
	b, _ := json.Marshal(struct {
		Error  string `json:"error"`
		Reason string `json:"reason,omitempty"`
	}{f.message, f.reason}) // strings cannot fail
	return append(b, '\n')
}

// write sends the fault.
func (f fault) write(w http.ResponseWriter) {
	body := f.body()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	switch f.code {
	case http.StatusMethodNotAllowed:
		if h.Get("Allow") == "" {
			h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		}
	case http.StatusNotImplemented:
		h.Set("Connection", "close") // what follows a CONNECT is not HTTP
	}
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(f.retryAfter.Seconds())))
	}
	w.WriteHeader(f.code)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
