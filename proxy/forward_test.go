package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestForwardTarget checks that path and query reach the instance as they were sent.
func TestForwardTarget(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for _, target := range []string{
		"/", "/a/b", "//", "//a//b", "/a%2Fb", "/a%2fb/%C3%A9", "/a/../b/./c", "/b;c?x=1;y=2", "/?", "/?a=%zz&b",
		"/p?a=b?c", "/p?a=b&a=c;", "/p|q{r}^`\"", "/lb-status/", "/lb%2Dstatus", "/%", "/a+b%20c",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			c := proxytest.Dial(t, f.address)
			c.Send("GET " + target + " HTTP/1.1\nHost: example.com\nConnection: close\n\n")
			if target == "/%" { // net/url cannot parse it
				if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
					t.Errorf("got %q, want 400", got)
				}
				return
			}
			if got := c.Rest(); !strings.Contains(got, `"Target":`+jsonString(target)) {
				t.Errorf("instance saw %s", got)
			}
		})
	}
}

func TestForwardSpecialTargets(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for _, c := range []struct{ line, target, host string }{
		{"OPTIONS * HTTP/1.1", "*", "example.com"},
		{"GET http://other.test/p/%2F?q HTTP/1.1", "/p/%2F?q", "other.test"}, // RFC 9112, 3.2.2
		{"GET http://other.test HTTP/1.1", "/", "other.test"},
	} {
		conn := proxytest.Dial(t, f.address)
		conn.Send(c.line + "\nHost: example.com\nConnection: close\n\n")
		got := conn.Rest()
		for _, want := range []string{`"Target":` + jsonString(c.target), `"Host":` + jsonString(c.host)} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %s, want %s", c.line, got, want)
			}
		}
	}
}

// TestForwardResponse checks that the response of the instance reaches the client
// unchanged.
func TestForwardResponse(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for {
			head := c.Head()
			if head == nil {
				return
			}
			target := strings.Fields(head[0])[1]
			switch target {
			case "/204":
				c.Send("HTTP/1.1 204 No Content\nServer: bun\nX-T: 1\n\n")
			case "/304":
				c.Send("HTTP/1.1 304 Not Modified\nServer: bun\nETag: \"e\"\n\n")
			case "/head":
				c.Send("HTTP/1.1 200 OK\nServer: bun\nContent-Length: 1234\nContent-Type: a/b\n\n")
			case "/untyped":
				c.Send("HTTP/1.1 404 Not Found\nServer: bun\nContent-Length: 6\n\n<html>")
			case "/date":
				c.Send("HTTP/1.1 200 OK\nServer: bun\nDate: Thu, 01 Jan 1970 00:00:00 GMT\nContent-Length: 0\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n")
			}
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			method, path string
			code         int
			body         string
			check        func(h http.Header, length int64) bool
		}{
			{"GET", "/204", 204, "", func(h http.Header, _ int64) bool { return h.Get("X-T") == "1" }},
			{"GET", "/304", 304, "", func(h http.Header, _ int64) bool { return h.Get("Etag") == `"e"` }},
			{"HEAD", "/head", 200, "", func(h http.Header, n int64) bool { return n == 1234 && h.Get("Content-Type") == "a/b" }},
			{"GET", "/untyped", 404, "<html>", func(h http.Header, n int64) bool { return n == 6 && h["Content-Type"] == nil }},
			{"GET", "/date", 200, "", func(h http.Header, _ int64) bool {
				return h.Get("Date") == "Thu, 01 Jan 1970 00:00:00 GMT" && slices.Equal(h["Set-Cookie"], []string{"a=1", "b=2"})
			}},
		} {
			res := do(t, client, newRequest(t, c.method, f.url+c.path, nil))
			body := readAll(t, res)
			if res.StatusCode != c.code || body != c.body || !c.check(res.Header, res.ContentLength) {
				t.Errorf("%s %s: %d %v %d %q", c.method, c.path, res.StatusCode, res.Header, res.ContentLength, body)
			}
			if len(res.Header["Server"]) != 1 || res.Header.Get("Server") != "bun" || len(res.Header["Date"]) != 1 {
				t.Errorf("%s: Server %q, Date %q", c.path, res.Header["Server"], res.Header["Date"])
			}
			f.recorded(t, c.code)
		}
	})
	f.idle(t)
}

// TestForwardOldClient checks that a client of HTTP/1.0 gets neither chunks nor
// informational responses.
func TestForwardOldClient(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Upgrade", r.Header.Get("Upgrade"))
		w.Header().Set("X-Proto", r.Proto)
		_, _ = w.Write([]byte("one "))
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write([]byte("two"))
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.0\nConnection: upgrade\nUpgrade: websocket\n\n")
	head := c.Head()
	if len(head) == 0 || !strings.HasSuffix(head[0], " 200 OK") {
		t.Fatalf("head %q", head)
	}
	if !slices.Contains(head, "X-Proto: HTTP/1.1") || !slices.Contains(head, "X-Upgrade: ") {
		t.Errorf("head %q", head)
	}
	if body := c.Rest(); body != "one two" {
		t.Errorf("body %q", body)
	}
}

// TestForwardTrailers checks that the trailers of a request are dropped, and those of
// a response are forwarded.
func TestForwardTrailers(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		echo(w, r)
		w.Header().Set("X-Sum", "42")
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		r := newRequest(t, http.MethodPost, f.url, onlyReader{strings.NewReader("body")})
		r.Trailer = http.Header{"X-Req": {"secret"}}
		res := do(t, client, r)
		got := seen(t, res)
		if got.Body != "body" || len(got.Trailer) != 0 || len(got.Header["Trailer"]) != 0 {
			t.Errorf("instance saw %+v", got)
		}
		if res.Trailer.Get("X-Sum") != "42" {
			t.Errorf("trailer %v", res.Trailer)
		}
	})
}

// TestForwardLengths checks that content keeps its framing, with and without a length.
func TestForwardLengths(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, method := range []string{"GET", "POST", "DELETE", "PROPFIND"} {
			known := seen(t, do(t, client, newRequest(t, method, f.url, strings.NewReader("known"))))
			if known.Method != method || known.Body != "known" || known.Length != 5 {
				t.Errorf("%s: %+v", method, known)
			}
			r := newRequest(t, method, f.url, onlyReader{strings.NewReader("unknown")})
			r.TransferEncoding = []string{"chunked"} // or the client probes a GET's body
			unknown := seen(t, do(t, client, r))
			if unknown.Body != "unknown" || unknown.Length != -1 {
				t.Errorf("%s chunked: %+v", method, unknown)
			}
			none := seen(t, do(t, client, newRequest(t, method, f.url, nil)))
			if none.Length != 0 || len(none.Coding) != 0 {
				t.Errorf("%s without a body: %+v", method, none)
			}
		}
	})
}

func TestForwardRefusedMethods(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for line, want := range map[string]string{
		"CONNECT a:80 HTTP/1.1": "HTTP/1.1 501 ",
		"TRACE / HTTP/1.1":      "HTTP/1.1 405 ",
	} {
		c := proxytest.Dial(t, f.address)
		c.Send(line + "\nHost: a:80\nConnection: close\n\n")
		if got := c.Rest(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q", line, got)
		}
	}
	if got := f.served(); got[0] != 0 {
		t.Errorf("%d requests reached the instance", got[0])
	}
}
