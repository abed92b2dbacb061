package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// decoded returns a reader of content in a coding.
func decoded(t *testing.T, coding string, from io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		r, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		return r
	case "br":
		return brotli.NewReader(from)
	case "zstd":
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	default:
		return from
	}
}

// texts is an instance that serves text as the query asks for.
func texts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("size"))
	text := bytes.Repeat([]byte("all work and no play "), size/21+1)[:size]
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("ETag", `"v1"`)
	w.Header().Set("Accept-Ranges", "bytes")
	for name := range q {
		if name != "size" && name != "chunked" {
			w.Header().Set(name, q.Get(name))
		}
	}
	if q.Has("chunked") {
		w.Header().Set("Trailer", "X-Sum")
		half := size / 2
		_, _ = w.Write(text[:half])
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(text[half:])
		w.Header().Set("X-Sum", "7")
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(size))
	_, _ = w.Write(text)
}

// TestCompression: content arrives as it was sent, in the coding that the client prefers,
// with fields that are true of it.
func TestCompression(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, texts)}, edge: edge.Settings{Compress: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, coding := range []string{"gzip", "br", "zstd"} {
			for _, size := range []int{1024, 70_000, 3 << 20} {
				for _, kind := range []string{"", "&chunked"} {
					r := newRequest(t, http.MethodGet, f.url+"/?size="+strconv.Itoa(size)+kind, nil)
					r.Header.Set("Accept-Encoding", coding)
					res := do(t, client, r)
					var raw bytes.Buffer
					body, err := io.ReadAll(decoded(t, coding, io.TeeReader(res.Body, &raw)))
					if err != nil || len(body) != size || !strings.HasPrefix(string(body), "all work and no play ") {
						t.Errorf("%s of %d%s: %d bytes, %v", coding, size, kind, len(body), err)
					}
					_, _ = io.Copy(io.Discard, res.Body)
					h := res.Header
					if h.Get("Content-Encoding") != coding || h.Get("ETag") != `W/"v1"` || h.Get("Vary") != "Accept-Encoding" || h.Get("Accept-Ranges") != "" ||
						res.ContentLength >= 0 && res.ContentLength != int64(raw.Len()) {
						t.Errorf("%s of %d%s: %v", coding, size, kind, h)
					}
					if n := raw.Len(); n > size/4 {
						t.Errorf("%s of %d%s: %d bytes were sent", coding, size, kind, n)
					}
					if kind != "" && res.Trailer.Get("X-Sum") != "7" {
						t.Errorf("%s of %d: trailer %v", coding, size, res.Trailer)
					}
				}
			}
		}
	})
}

// TestNotCompressed: what a client did not ask for, is small, or has a coding already,
// arrives as it was sent. What depends on Accept-Encoding says so.
func TestNotCompressed(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, texts)}, edge: edge.Settings{Compress: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct{ query, accept, vary string }{
			{"size=5000", "", "Accept-Encoding"},
			{"size=5000", "gzip;q=0", "Accept-Encoding"},
			{"size=5000&Vary=origin,+accept-encoding", "", "origin, accept-encoding"},
			{"size=1000", "gzip", ""},
			{"size=5000&Content-Encoding=gzip", "gzip", ""},
			{"size=5000&Content-Type=image/png", "gzip", ""},
			{"size=5000&Cache-Control=no-transform", "gzip", ""},
		} {
			r := newRequest(t, http.MethodGet, f.url+"/?"+c.query, nil)
			if c.accept != "" {
				r.Header.Set("Accept-Encoding", c.accept)
			}
			res := do(t, client, r)
			body := readAll(t, res)
			size, _ := strconv.Atoi(r.URL.Query().Get("size"))
			if len(body) != size || res.ContentLength != int64(size) || res.Header.Get("ETag") != `"v1"` || res.Header.Get("Accept-Ranges") != "bytes" ||
				strings.Join(res.Header.Values("Vary"), ", ") != c.vary {
				t.Errorf("%s, accepting %q: %d bytes, %v", c.query, c.accept, len(body), res.Header)
			}
		}
	})
}

// TestCompressionOfHead: a HEAD gets the fields of the GET, as far as they are known.
func TestCompressionOfHead(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, texts)}, edge: edge.Settings{Compress: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		r := newRequest(t, http.MethodHead, f.url+"/?size=5000", nil)
		r.Header.Set("Accept-Encoding", "br")
		res := do(t, client, r)
		if body := readAll(t, res); body != "" || res.Header.Get("Content-Encoding") != "br" || res.Header.Get("ETag") != `W/"v1"` || res.ContentLength > 0 {
			t.Errorf("%d bytes, %v", len(body), res.Header)
		}
	})
}

// TestCompressionFlushes: each piece that the instance sends arrives before the next one is
// sent.
func TestCompressionFlushes(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			for i := range 5 {
				_, _ = io.WriteString(w, "{\"n\":"+strconv.Itoa(i)+"}\n")
				_ = http.NewResponseController(w).Flush()
				<-next
			}
		})},
		edge: edge.Settings{Compress: true},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, coding := range []string{"gzip", "br", "zstd"} {
			r := newRequest(t, http.MethodGet, f.url, nil)
			r.Header.Set("Accept-Encoding", coding)
			res := do(t, client, r)
			from := decoded(t, coding, res.Body)
			for i := range 5 {
				line := make([]byte, len("{\"n\":0}\n"))
				if _, err := io.ReadFull(from, line); err != nil || string(line) != "{\"n\":"+strconv.Itoa(i)+"}\n" {
					t.Fatalf("%s: piece %d is %q, %v", coding, i, line, err)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
				t.Errorf("%s: then %q, %v", coding, rest, err)
			}
		}
	})
}

// TestCompressionBreaks: content that the instance breaks off is not taken for the whole.
// A client of HTTP/1.0 gets compressed content until the connection closes.
func TestCompressionBreaks(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			texts(w, r)
			if r.URL.Path == "/cut" {
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		})},
		edge: edge.Settings{Compress: true},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		r := newRequest(t, http.MethodGet, f.url+"/cut?chunked&size=50000", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		res := do(t, client, r)
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("the end is not missed")
		}
	})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /?size=5000 HTTP/1.0\nHost: a\nAccept-Encoding: gzip\n\n")
	head := c.Head()
	if !slices.Contains(head, "Content-Encoding: gzip") || slices.ContainsFunc(head, func(line string) bool { return strings.HasPrefix(line, "Transfer-Encoding") }) {
		t.Errorf("head %q", head)
	}
	if body, err := io.ReadAll(decoded(t, "gzip", c.R)); len(body) != 5000 || err != nil {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
