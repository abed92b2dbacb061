package proxy

import "net/http"

// clientWriter returns the exchange's writer, made fit for ReverseProxy.
func (e *exchange) clientWriter() http.ResponseWriter {
	w := e.writer
	if old := !e.request.ProtoAtLeast(1, 1); old || len(e.request.Header["Expect"]) > 0 {
		w = interimWriter{w, old}
	}
	if len(e.request.Header["Upgrade"]) > 0 {
		w = tunnelWriter{w, e}
	}
	return w
}

// interimWriter drops interim responses. A client of HTTP/1.0 must not get any
// (RFC 9110, 15.2). One that expects a 100 (Continue) gets it from net/http when
// the instance's makes the upload begin; the instance's own would be a second.
type interimWriter struct {
	http.ResponseWriter
	all bool // not only 100
}

func (w interimWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w interimWriter) WriteHeader(code int) {
	if code == http.StatusContinue || w.all && code < http.StatusOK {
		return
	}
	w.ResponseWriter.WriteHeader(code)
}
