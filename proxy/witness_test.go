package proxy_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// witness is an instance that counts bytes and connections, and keeps the requests. It
// answers with 200 and "ok". Requests for /b/… get answer, and then it closes the connection
// if hangUp is set.
type witness struct {
	answer []byte
	step   int // so many bytes of it at a time
	hangUp bool
	begun  chan struct{} // gets a value when the first byte arrives, unless nil

	mu       sync.Mutex // guards all below
	bytes    int
	conns    int
	requests []witnessed
}

type witnessed struct {
	conn                        int
	method, target, host, proto string
	header                      http.Header
	length                      int64
	body                        string
	trailer                     http.Header
	cut                         bool // the body did not end
}

func (w *witness) talk(c *proxytest.Peer) {
	w.mu.Lock()
	w.conns++
	conn := w.conns
	w.mu.Unlock()
	c.R = bufio.NewReader(io.TeeReader(c.Conn, w))
	for {
		r, err := http.ReadRequest(c.R)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		w.mu.Lock()
		w.requests = append(w.requests, witnessed{
			conn, r.Method, r.RequestURI, r.Host, r.Proto, r.Header, r.ContentLength, string(body), r.Trailer, err != nil,
		})
		w.mu.Unlock()
		switch {
		case err != nil:
			return
		case !strings.HasPrefix(r.RequestURI, "/b/"):
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		default:
			for piece := range slices.Chunk(w.answer, w.step) {
				_, _ = c.Write(piece)
			}
			if w.hangUp {
				return
			}
		}
	}
}

// Write counts what arrives.
func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes == 0 && w.begun != nil {
		w.begun <- struct{}{}
	}
	w.bytes += len(p)
	return len(p), nil
}

func (w *witness) seen() (n int, requests []witnessed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes, slices.Clone(w.requests)
}

// answered is a response as a client reads it.
type answered struct {
	status  int
	body    string
	cut     bool // it did not end
	chunked bool
}

// responses reads what the load balancer answers until it closes the
// connection, or up to a 299.
func responses(t *testing.T, c *proxytest.Peer, method string) []answered {
	t.Helper()
	var list []answered
	for {
		res, err := http.ReadResponse(c.R, &http.Request{Method: method})
		if errors.Is(err, io.ErrUnexpectedEOF) && c.R.Buffered() == 0 {
			return list
		}
		if err != nil {
			t.Fatalf("after %v: %v", list, err)
		}
		body, err := io.ReadAll(res.Body)
		list = append(list, answered{res.StatusCode, string(body), err != nil, len(res.TransferEncoding) > 0})
		if err != nil {
			return list
		}
	}
}
