package proxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestHTTP3Request checks what an instance gets of requests of HTTP/3.
func TestHTTP3Request(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, echo)}})
	c := client3(t)
	for name, q := range map[string]struct {
		method, content string
		length          int64
		coding          string
	}{
		"GET":                   {"GET", "", 0, ""},
		"GET with content":      {"GET", "some", 4, ""},
		"GET of unknown length": {"GET", "some", -1, "chunked"},
		"DELETE":                {"DELETE", "", 0, ""},
		"POST":                  {"POST", "some", 4, ""},
		"POST without content":  {"POST", "", 0, ""},
		"POST in chunks":        {"POST", "some", -1, "chunked"},
	} {
		t.Run(name, func(t *testing.T) {
			var content io.Reader
			if q.content != "" {
				content = strings.NewReader(q.content)
			}
			r, err := http.NewRequestWithContext(t.Context(), q.method, f.url+"/a%2Fb?c=d", content)
			r.ContentLength = q.length
			r.Header.Set("Cookie", "a=b")
			s := seen(t, do3(t, c, r, err))
			if s.Method != q.method || s.Target != "/a%2Fb?c=d" || s.Proto != "HTTP/1.1" || s.Host != r.URL.Host {
				t.Errorf("%s %s %s for %s", s.Method, s.Target, s.Proto, s.Host)
			}
			if s.Body != q.content || s.Length != q.length || strings.Join(s.Coding, "") != q.coding {
				t.Errorf("content %q of length %d in coding %v", s.Body, s.Length, s.Coding)
			}
			if got := s.Header.Get("X-Forwarded-For") + " " + s.Header.Get("X-Forwarded-Proto") + " " + s.Header.Get("Cookie"); got != "127.0.0.1 https a=b" {
				t.Errorf("fields %q", got)
			}
			f.recorded(t, http.StatusOK)
		})
	}
}

// TestHTTP3Response checks what a client of HTTP/3 gets of responses.
func TestHTTP3Response(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, response, content string
		status                    int
		length                    int64
	}{
		"length":              {"GET", "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: x-a\nX-A: 1\n\nok", "ok", 200, 2},
		"chunks":              {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", "ok", 200, 2},
		"until close":         {"GET", "HTTP/1.0 200 OK\n\nok", "ok", 200, -1},
		"HEAD":                {"HEAD", "HTTP/1.1 200 OK\nContent-Length: 7\n\n", "", 200, 7},
		"HEAD without length": {"HEAD", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "", 200, -1},
		"204":                 {"DELETE", "HTTP/1.1 204 No Content\n\n", "", 204, 0},
		"304":                 {"GET", "HTTP/1.1 304 Not Modified\nETag: \"x\"\n\n", "", 304, -1},
		"bad response":        {"POST", "HTTP/1.1 what\n\n", "", 502, -2},
		"refused method":      {"TRACE", "", "", 405, -2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy3(t, setup{instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
				for p.Head() != nil {
					p.Send(c.response)
					if strings.HasPrefix(c.response, "HTTP/1.0") {
						return
					}
				}
			})}})
			r, err := http.NewRequestWithContext(t.Context(), c.method, f.url, nil)
			res := do3(t, client3(t), r, err)
			got := readAll(t, res)
			if res.StatusCode != c.status || c.length != -2 && (got != c.content || res.ContentLength != c.length) {
				t.Errorf("%d %q, length %d; want %d %q %d", res.StatusCode, got, res.ContentLength, c.status, c.content, c.length)
			}
			if res.Header.Get("X-A") != "" || res.Header.Get("Connection") != "" || len(res.Header["Date"]) != 1 || c.length != -2 && res.Header["Content-Type"] != nil {
				t.Errorf("fields %v", res.Header)
			}
		})
	}
}

// TestHTTP3Content checks that much content passes both ways at the same time.
func TestHTTP3Content(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})}})
	c := client3(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 256<<10) // 4 MiB
	want := sha256.Sum256(content)
	for _, length := range []int64{int64(len(content)), -1} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, bytes.NewReader(content))
		r.ContentLength = length
		res := do3(t, c, r, err)
		sum := sha256.New()
		if n, err := io.Copy(sum, res.Body); err != nil || !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Fatalf("%d of %d bytes, %v", n, len(content), err)
		}
	}
}

// TestHTTP3Trailers checks trailer sections in both directions.
func TestHTTP3Trailers(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{protocol: route.H2C, instances: []string{h2cInstance(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "of "+r.Trailer.Get("X-Last"))
	})}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, io.MultiReader(strings.NewReader("some")))
	r.Trailer = http.Header{"X-Last": {"all"}}
	res := do3(t, client3(t), r, err)
	if got := readAll(t, res); got != "some" || res.Trailer.Get("X-Sum") != "of all" {
		t.Errorf("%q with the trailer section %v", got, res.Trailer)
	}
}

// TestHTTP3Interim checks that a client gets informational responses, and is asked for its
// content.
func TestHTTP3Interim(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "x")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.Copy(w, r.Body)
	})}})
	var got []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if got = append(got, code); code == http.StatusEarlyHints && h.Get("Link") != "x" {
			t.Errorf("hints %v", h)
		}
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, strings.NewReader("some"))
	r.Header.Set("Expect", "100-continue")
	res := do3(t, client3(t), r, err)
	if body := readAll(t, res); body != "some" || fmt.Sprint(got) != "[103 100]" || res.Header.Get("Link") != "" {
		t.Errorf("%q after %v", body, got)
	}
}

// TestHTTP3EarlyResponse checks that a client gets a response that does not wait for its
// content.
func TestHTTP3EarlyResponse(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
		p.Head()
		p.Send("HTTP/1.1 413 Content Too Large\nContent-Length: 3\nConnection: close\n\nbig")
		_, _ = io.Copy(io.Discard, p.R)
	})}})
	silent, end := io.Pipe()
	defer func() { _ = end.Close() }()
	go func() { _, _ = end.Write(make([]byte, 1<<20)) }() // ends when the client has stopped
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, silent)
	res := do3(t, client3(t), r, err)
	if got := readAll(t, res); res.StatusCode != http.StatusRequestEntityTooLarge || got != "big" {
		t.Errorf("%d %q", res.StatusCode, got)
	}
	f.recorded(t, http.StatusRequestEntityTooLarge)
}

// TestHTTP3ClientGone checks that a client that gives a request up ends it at the instance.
func TestHTTP3ClientGone(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]bool{"before the response": false, "within the response": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			f := newProxy3(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/other" {
					return
				}
				if begun {
					_ = http.NewResponseController(w).Flush()
				} else {
					w.Header().Set("X", "y") // so that both are the same otherwise
				}
				close(gone)
				<-r.Context().Done()
			})}})
			c := client3(t)
			ctx, cancel := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
			go func() { <-gone; cancel() }()
			if err == nil {
				var res *http.Response
				if res, err = c.Do(r); err == nil {
					_, err = io.ReadAll(res.Body)
				}
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			f.recorded(t, proxy.StatusClientClosed)
			f.idle(t)
			r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/other", nil)
			do3(t, c, r, err) // on the same connection
			f.recorded(t, http.StatusOK)
		})
	}
}

// TestHTTP3InstanceDies checks that a request of an instance that dies goes to another one,
// and that a response that it broke off is seen to be incomplete.
func TestHTTP3InstanceDies(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{closedAddress(t), server(t, echo)}})
	c := client3(t)
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, strings.NewReader("some"))
		if res := do3(t, c, r, err); res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	read := make(chan struct{})
	breaks := newProxy3(t, setup{instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
		p.Head()
		p.Send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nsome\n")
		<-read
	})}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, breaks.url, nil)
	res := do3(t, c, r, err)
	if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
		t.Errorf("read of what has arrived: %v", err)
	}
	close(read)
	if got, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q is all of the response", got)
	}
	breaks.recorded(t, http.StatusBadGateway)
	breaks.idle(t)
}

// TestHTTP3AccessLog checks that requests of HTTP/3 are described as such, those for the
// status too.
func TestHTTP3AccessLog(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{
		edge: edge.Settings{Describe: true}, instances: []string{server(t, echo)},
		options: proxy.Options{Settings: proxy.Settings{Describe: true}, Status: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "status") })},
	})
	c := client3(t)
	for _, path := range []string{"/", "/lb-status"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, nil)
		_ = readAll(t, do3(t, c, r, err))
		if got := f.recorded(t, http.StatusOK); !got.http3 || got.http2 || got.status != (path != "/") {
			t.Errorf("recorded %+v", got)
		}
	}
}

// TestHTTP3Slow checks that a client that takes nothing of a response holds its instance
// back, and is given up.
func TestHTTP3Slow(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{
		options: proxy.Options{Settings: proxy.Settings{IdleTimeout: 2 * soon}},
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		})},
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	do3(t, client3(t), r, err)
	f.recorded(t, proxy.StatusClientClosed)
	f.idle(t)
}
