package std

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/settings"
)

// FuzzConn checks that the instance gets exactly the requests that package http1 finds in
// the bytes of a client, in whatever pieces these arrive, and that the client gets an error
// if http1 finds one.
func FuzzConn(f *testing.F) {
	for _, seed := range []string{
		"\nGET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET /3 HTTP/1.0\n\nGET",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3;x\nabc\n0\nX: y\n\n\nGET /2 HTTP/1.1\nHost: b\n\nX",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabcd\n",
		"GET /1 HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\n\n", "TRACE /1 HTTP/1.1\nHost: a\n\nCONNECT a:1 HTTP/1.1\nHost: a\n\n",
		"PRI * HTTP/2.0\n\nSM\n\n", "PRI * HTTP/1.1\n\n", "GET / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc",
		"PUT http://b?x HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5000\n\n" + strings.Repeat("x", 5000),
	} {
		for _, piece := range []uint16{0, 29, 5000} {
			f.Add([]byte(crlf(seed)), piece)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		if has, may := http1.HasPreface(stream); has || may {
			return
		}
		want, refused := requestsIn(stream)
		var mu sync.Mutex
		var got []string
		l := newLane(t, settings.Settings{HeadTimeout: time.Hour, BodyTimeout: time.Hour},
			answer(func(r *http.Request, content string) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, r.Host, content))
			}))
		closed := make(chan struct{})
		client := &replay{stream: stream, piece: 1 + int(piece)%5000}
		l.accept(client, func() { close(closed) })
		<-closed
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, want) {
			t.Errorf("the instance got\n%q, want\n%q", got, want)
		}
		if refused != nil && !strings.Contains(client.answer.String(), fmt.Sprintf("HTTP/1.1 %d ", refused.Status)) {
			t.Errorf("answered %q for %v", client.answer.String(), refused)
		}
	})
}

// requestsIn returns the complete requests in stream that are forwarded, as the
// instance reads them, and what is wrong after them.
func requestsIn(stream []byte) (list []string, refused *http1.Error) {
	r := http1.NewRequest(http1.Limits{})
	for {
		r.Reset()
		n, err := r.Parse(stream)
		if n == 0 || err != nil {
			refused, _ = err.(*http1.Error) //nolint:errorlint // Parse returns no other
			return list, refused
		}
		body := r.Body()
		var payload []byte
		for stream = stream[n:]; len(stream) > 0 && !body.Done(); stream = stream[n:] {
			var p []byte
			if n, p, err = body.Next(stream); err != nil {
				return list, err.(*http1.Error) //nolint:errorlint // nor does Next
			}
			payload = append(payload, p...)
		}
		if !body.Done() {
			return list, nil
		}
		switch string(r.Method) {
		case "CONNECT":
			return list, nil
		case "TRACE":
		default:
			list = append(list, forwarded(r, payload))
		}
		if !r.KeepAlive {
			return list, nil
		}
	}
}

// forwarded describes a request as the instance reads it.
func forwarded(r *http1.Request, payload []byte) string {
	path, host := string(r.Path), string(r.Host)
	if r.Form == http1.AbsoluteForm && !strings.HasPrefix(path, "/") && path != "*" {
		path = "/" + path
	}
	if host == "" {
		host = instanceAt.Address
	}
	return fmt.Sprintf("%s %s %s %q", r.Method, path, host, payload)
}

// replay is a client that sends a stream in pieces, and then ends.
type replay struct {
	net.Conn
	stream []byte
	piece  int
	answer bytes.Buffer
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.stream) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.stream[:min(r.piece, len(r.stream))])
	r.stream = r.stream[n:]
	return n, nil
}

func (r *replay) Write(p []byte) (int, error)      { return r.answer.Write(p) }
func (r *replay) Close() error                     { return nil }
func (r *replay) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }
