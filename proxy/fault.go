package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"

	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// fail answers the request with what err comes to. It has the signature of
// httputil.ReverseProxy.ErrorHandler.
func (e *exchange) fail(_ http.ResponseWriter, _ *http.Request, err error) {
	if e.code == http.StatusSwitchingProtocols { // past answering: the socket is not net/http's any more
		e.log(slog.LevelDebug, "tunnel failed to open", err)
		panic(http.ErrAbortHandler)
	}
	f := e.faultOf(err)
	e.code = f.Code
	switch f.Code {
	case StatusClientClosed:
		e.log(slog.LevelDebug, f.Message, nil)
		panic(http.ErrAbortHandler)
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		e.log(slog.LevelWarn, f.Message, err)
	default:
		e.log(slog.LevelInfo, f.Message, err)
	}
	e.readyWriter()
	f.Write(e.writer)
}

// faultOf tells the client's doing from that of others.
func (e *exchange) faultOf(err error) fault.Fault {
	if f, ok := e.clientFault(); ok {
		return f
	}
	return fault.Of(err, e.proxy.options.Registry.Trouble())
}

// clientFault returns what the client did that a request fails for, if it did.
func (e *exchange) clientFault() (fault.Fault, bool) {
	if bad := violationOn(e.request.Context()); bad != nil {
		return fault.Refusal(bad), true
	}
	if errors.Is(e.request.Context().Err(), context.Canceled) {
		return fault.Of(context.Canceled, ""), true
	}
	switch cause := e.upload.failure(); {
	case cause == nil:
		return fault.Fault{}, false
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return fault.Refusal(fault.ErrSlowBody), true
	default:
		return fault.Fault{Code: http.StatusBadRequest, Message: "the request body cannot be read", Reason: cause.Error()}, true
	}
}
