package proxy

import (
	"net/http"
	"time"
)

// clientWriter returns the exchange's writer, made fit for ReverseProxy.
func (e *exchange) clientWriter() http.ResponseWriter {
	w := e.writer
	if e.request.ProtoMajor == 2 {
		w = streamWriter{w, e.settings.IdleTimeout}
	}
	if old := !e.request.ProtoAtLeast(1, 1); old || len(e.request.Header["Expect"]) > 0 {
		w = interimWriter{w, e, old}
	}
	if len(e.request.Header["Upgrade"]) > 0 {
		w = tunnelWriter{w, e}
	}
	return w
}

// streamWriter gives a client up that takes too long for a piece of a response.
// Of HTTP/1 the guard sees to that; to it a connection of HTTP/2 looks alive when
// the client takes nothing of one stream, and so keeps an instance's place.
type streamWriter struct {
	http.ResponseWriter
	time time.Duration
}

func (w streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w streamWriter) Write(p []byte) (n int, err error) {
	w.within(func() { n, err = w.ResponseWriter.Write(p) })
	return n, err
}

// FlushError sends what was written.
func (w streamWriter) FlushError() (err error) {
	w.within(func() { err = http.NewResponseController(w.ResponseWriter).Flush() })
	return err
}

// within calls do with a limit to its time. In between there is none: there may
// be nothing to write for long.
func (w streamWriter) within(do func()) {
	rc := http.NewResponseController(w.ResponseWriter)
	_ = rc.SetWriteDeadline(time.Now().Add(w.time)) // not to be had, it is not
	do()
	_ = rc.SetWriteDeadline(time.Time{})
}

// interimWriter drops interim responses. A client of HTTP/1.0 must not get any
// (RFC 9110, 15.2). One that expects a 100 (Continue) gets it from net/http when
// the instance's makes the upload begin; the instance's own would be a second. From
// then on it gets no others either: net/http would write them at the same time.
type interimWriter struct {
	http.ResponseWriter
	exchange *exchange
	all      bool // not only 100
}

func (w interimWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w interimWriter) WriteHeader(code int) {
	switch {
	case code >= http.StatusOK, code == http.StatusSwitchingProtocols:
		w.ResponseWriter.WriteHeader(code)
	case code != http.StatusContinue && !w.all:
		w.exchange.upload.before(func() { w.ResponseWriter.WriteHeader(code) })
	}
}
