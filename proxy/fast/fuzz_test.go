//go:build linux

package fast

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// FuzzRequests cuts what a client sends into pieces. An instance that is net/http
// gets the requests that package http1 finds in the whole, and nothing else.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		"\nGET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET /3 HTTP/1.0\n\nGET",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3;x\nabc\n0\nX: y\n\n\nGET /2 HTTP/1.1\nHost: b\n\nX",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabcd\n",
		"PUT /1 HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\nabcGET ?2 HTTP/1.1\nHost: a\n\n",
		"GET http://b?q HTTP/1.1\nHost: a\nConnection: x, close\nX: y\n\nGET /2 HTTP/1.1\nHost: a\n\n",
		"TRACE /1 HTTP/1.1\nHost: a\n\nOPTIONS * HTTP/1.1\nHost: a\nUpgrade: x\nConnection: upgrade\n\n",
		"GET /1 HTTP/1.0\nConnection: keep-alive\n\nCONNECT a:1 HTTP/1.1\nHost: a:1\n\nGET /2 HTTP/1.1\nHost: a\n\n",
	} {
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(1))
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(3000))
	}
	w := &witness{}
	e := serve(f, Options{Loops: 1}, proxytest.Script(f, w.listen))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		e.forgetAll()
		w.take()
		c := proxytest.Dial(t, e.address)
		sent := make(chan struct{})
		go func() { // until all is written, or the connection closed
			defer close(sent)
			pieces(c, stream, 1+int(piece))
			c.CloseWrite()
		}()
		_ = c.Rest()
		_ = c.Close()
		<-sent
		if got, want := w.take(), requestsIn(stream); !slices.Equal(got, want) {
			t.Errorf("the instance got\n%q, want\n%q", got, want)
		}
	})
}

// FuzzResponses has an instance send anything. A client that takes a response for
// whole got it as net/http understands it, or a refusal, and the next client gets
// nothing of it.
func FuzzResponses(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabcHTTP/1.1 200 OK\n\n",
		"HTTP/1.1 103 Early Hints\nA: b\n\nHTTP/1.1 404 \nTransfer-Encoding: chunked\nTrailer: X\n\n3;x\nabc\n0\nX: y\n\n",
		"HTTP/1.0 200 OK\nA: b\n\nabc", "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", "HTTP/1.1 304 X\nContent-Length: 9\n\n",
		"HTTP/1.1 101 X\nConnection: upgrade\nUpgrade: x\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nab",
	} {
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(1))
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(3000))
	}
	var mu sync.Mutex // guards stream and piece
	var stream []byte
	var piece int
	ended := make(chan struct{}, 1)
	e := serve(f, Options{Loops: 1}, proxytest.Script(f, func(c *proxytest.Peer) {
		for line := c.FirstLine(); line != ""; line = c.FirstLine() {
			if strings.Contains(line, "/next") {
				c.Send("HTTP/1.1 298 Next\nContent-Length: 0\n\n")
				continue
			}
			mu.Lock()
			b, n := stream, piece
			mu.Unlock()
			pieces(c, b, n)
			c.CloseWrite()
			ended <- struct{}{}
		}
	}))
	f.Fuzz(func(t *testing.T, response []byte, n uint16) {
		e.forgetAll()
		mu.Lock()
		stream, piece = response, 1+int(n)
		mu.Unlock()
		c := proxytest.Dial(t, e.address)
		c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 0\nConnection: close\n\n")
		got := final(c)
		direct := &proxytest.Peer{R: bufio.NewReader(bytes.NewReader(response))}
		if want := final(direct); got != "" && got != want && !strings.HasPrefix(got, `502 "{\"error\"`) {
			t.Errorf("the client got %q, want %q", got, want)
		}
		<-ended // else the next request, which cannot be repeated, may meet the end of the connection
		next := proxytest.Dial(t, e.address)
		next.Send("POST /next HTTP/1.1\nHost: a\nContent-Length: 0\nConnection: close\n\n")
		if got := final(next); got != `298 ""` {
			t.Errorf("the next client got %q", got)
		}
		_ = c.Close()
		_ = next.Close()
	})
}

// witness is an instance that notes what it gets.
type witness struct {
	mu   sync.Mutex // guards list
	list []string
}

func (w *witness) listen(c *proxytest.Peer) {
	for {
		r, err := http.ReadRequest(c.R)
		if err != nil {
			return
		}
		if r.Header.Get("Expect") != "" {
			c.Send("HTTP/1.1 100 Continue\n\n")
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Host == c.LocalAddr().String() {
			r.Host = "" // the client named none
		}
		w.mu.Lock()
		w.list = append(w.list, fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, r.Host, b))
		w.mu.Unlock()
		c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
	}
}

// take returns what was noted since the last time.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	w.list = nil
	return list
}

// requestsIn returns the requests in stream that an instance gets.
func requestsIn(stream []byte) (list []string) {
	r := http1.NewRequest(http1.Limits{})
	for {
		r.Reset()
		n, err := r.Parse(stream)
		if n == 0 || err != nil {
			return list
		}
		body := r.Body()
		var payload []byte
		for stream = stream[n:]; len(stream) > 0 && !body.Done(); stream = stream[n:] {
			var p []byte
			if n, p, err = body.Next(stream); err != nil {
				return list
			}
			payload = append(payload, p...)
		}
		path := string(r.Path)
		if r.Form == http1.AbsoluteForm && !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		switch method := string(r.Method); {
		case !body.Done(), method == "CONNECT":
			return list
		case method != "TRACE":
			list = append(list, fmt.Sprintf("%s %s %s %q", method, path, r.Host, payload))
		case r.Minor == 0 || r.Framing == http1.Chunked || r.Length > 0: // it gets no other
			return list
		}
		if !r.KeepAlive {
			return list
		}
	}
}

// final reads the final response, and returns its status and content, or "".
func final(c *proxytest.Peer) string {
	for {
		s, err := http.ReadResponse(c.R, &http.Request{Method: "POST"})
		if err != nil {
			return ""
		}
		if s.StatusCode < 200 && s.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		b, err := io.ReadAll(s.Body)
		if err != nil {
			return ""
		}
		return fmt.Sprintf("%d %q", s.StatusCode, b)
	}
}

// pieces writes b in pieces of n bytes, as far as the other side takes them.
func pieces(c *proxytest.Peer, b []byte, n int) {
	for chunk := range slices.Chunk(b, n) {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

// forgetAll empties the records and the log, which a long run would fill.
func (f *lane) forgetAll() {
	for len(f.records) > 0 {
		<-f.records
	}
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	f.log.b.Reset()
}
