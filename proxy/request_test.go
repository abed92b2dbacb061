package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// statuses reads all responses and returns their statuses.
func statuses(t *testing.T, c *proxytest.Peer) (codes []int) {
	t.Helper()
	for _, a := range responses(t, c, http.MethodGet) {
		codes = append(codes, a.status)
	}
	return codes
}

// TestTLSToPlainPort checks that a client that speaks TLS is answered in plain words, and
// that the log says so in one line, however often it tries.
func TestTLSToPlainPort(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{})
	for range 3 {
		c := proxytest.Dial(t, f.address)
		_, _ = c.Write([]byte{0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5})
		got := responses(t, c, http.MethodGet)
		if len(got) != 1 || got[0].status != http.StatusBadRequest || !strings.Contains(got[0].body, "write http:// in place of https://") {
			t.Errorf("got %v, want one 400 that says it", got)
		}
		f.recorded(t, http.StatusBadRequest)
	}
	const line = `msg="request refused" code=400 reason="the client speaks TLS`
	if log := f.log.String(); strings.Count(log, line) == 0 || strings.Count(log, "request refused") > 2 {
		t.Errorf("logged %s, want one line a second with %s", log, line)
	}
}

// TestRequestInPieces checks that requests that arrive in pieces are forwarded and
// answered in order.
func TestRequestInPieces(t *testing.T) {
	t.Parallel()
	const requests = "\nPOST /1 HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc" +
		"GET /2 HTTP/1.1\nHost: a\n\n" +
		"PUT /3 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3;x=y\nabc\n1\nd\n0\nX: y\n\n" +
		"\nGET /4 HTTP/1.1\nHost: a\nConnection: close\n\n"
	stream := []byte(strings.ReplaceAll(requests, "\n", "\r\n"))
	for _, step := range []int{1, 2, 7, 40, 100, len(stream)} {
		instance := &witness{}
		f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}})
		c := proxytest.Dial(t, f.address)
		for piece := range slices.Chunk(stream, step) {
			_, _ = c.Write(piece)
		}
		if got := statuses(t, c); !slices.Equal(got, []int{200, 200, 200, 200}) {
			t.Errorf("%d bytes at a time: got %v", step, got)
		}
		_, seen := instance.seen()
		var got []string
		for _, r := range seen {
			got = append(got, r.target+r.body)
		}
		if !slices.Equal(got, []string{"/1abc", "/2", "/3abcd", "/4"}) {
			t.Errorf("%d bytes at a time: the instance got %q", step, got)
		}
	}
}

// TestEmptyLineBeforeRequest checks that an empty line before a request is dropped
// (RFC 9112, 2.2), also behind another request.
func TestEmptyLineBeforeRequest(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	for range 3 {
		c.Send("\nGET / HTTP/1.1\nHost: a\n\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := seen(t, res); res.StatusCode != http.StatusOK || got.Host != "a" {
			t.Errorf("%d %+v", res.StatusCode, got)
		}
	}
}

// TestBadRequestInPipeline checks that a bad request is answered after the requests
// before it, which it does not disturb, and that the requests behind it are not read.
func TestBadRequestInPipeline(t *testing.T) {
	t.Parallel()
	go1, got1 := make(chan struct{}), make(chan struct{}, 1)
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			got1 <- struct{}{}
			<-go1
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /slow HTTP/1.1\nHost: a\n\nGET /fast HTTP/1.1\nHost: a\n\nGET /bad HTTP/1.1\n\nGET /never HTTP/1.1\nHost: a\n\n")
	wait(t, got1, "first request")
	c.Send("GET /never HTTP/1.1\nHost: a\n\n")
	close(go1)
	got := responses(t, c, http.MethodGet)
	if len(got) != 3 || got[0].body != "/slow" || got[1].body != "/fast" || got[2].status != 400 || !strings.Contains(got[2].body, "Host is missing") {
		t.Errorf("got %+v", got)
	}
	if n := f.served()[0]; n != 2 {
		t.Errorf("%d requests reached the instance", n)
	}
	for _, code := range []int{200, 200, 400} {
		f.recorded(t, code)
	}
	if log := f.log.String(); !strings.Contains(log, `msg="request refused" code=400 reason="Host is missing" client=127.0.0.1:`) {
		t.Errorf("log: %s", log)
	}
}

// TestBadContent checks what happens when content turns out to be bad after the head
// was forwarded: the instance does not get a complete request, and the client gets an
// error.
func TestBadContent(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"5\nhelloX", "5 \n", "5\nhello\n0\nX Y: z\n\n", "0\n\x00", "1;\x00\nZ\n0\n\n"} {
		instance := &witness{begun: make(chan struct{}, 1)}
		f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}})
		c := proxytest.Dial(t, f.address)
		c.Send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nA\n")
		wait(t, instance.begun, "head")
		c.Send(bad + "GET /smuggled HTTP/1.1\nHost: a\n\n" + strings.Repeat("x", 1<<20))
		if got := statuses(t, c); !slices.Equal(got, []int{400}) {
			t.Errorf("%q: got %v", bad, got)
		}
		f.recorded(t, 400)
		f.idle(t)
		if _, requests := instance.seen(); slices.ContainsFunc(requests, func(r witnessed) bool { return !r.cut }) {
			t.Errorf("%q: the instance got %+v", bad, requests)
		}
	}
}

// TestBadContentAfterResponse checks that the response breaks off when content turns
// out to be bad after the head of the response was forwarded.
func TestBadContentAfterResponse(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n")
		c.WaitClosed()
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nA\n")
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Send("nonsense")
	if body, err := io.ReadAll(res.Body); string(body) != "ok" || err == nil {
		t.Errorf("got %q, %v", body, err)
	}
	f.recorded(t, 400)
	f.idle(t)
}

// TestSlowClient checks that a head or content that does not go on is answered with
// 408, and that a connection without a request is closed without an answer.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send string
		want []int
	}{
		{"nothing", "", nil},
		{"head", "GET / HTTP/1.1\nHost: a\n", []int{408}},
		{"second head", "GET / HTTP/1.1\nHost: a\n\nGET / HT", []int{200, 408}},
		{"idle", "GET / HTTP/1.1\nHost: a\n\n", []int{200}},
		{"content", "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc", []int{408}},
		{"chunks", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n", []int{408}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			instance := &witness{}
			const soon = time.Second
			f := newProxy(t, setup{
				instances: []string{proxytest.Script(t, instance.talk)},
				options:   proxy.Options{Settings: proxy.Settings{HeadTimeout: soon, BodyTimeout: soon, IdleTimeout: soon}},
			})
			conn := proxytest.Dial(t, f.address)
			conn.Send(c.send)
			if got := statuses(t, conn); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for _, code := range c.want {
				f.recorded(t, code)
			}
			f.idle(t)
			_, requests := instance.seen()
			if whole := slices.DeleteFunc(requests, func(r witnessed) bool { return r.cut }); len(whole) != strings.Count(c.send, "Host: a\n\n") {
				t.Errorf("the instance got %+v", requests)
			}
		})
	}
}

// TestRefusalLingers checks that a client that is still sending can read the answer.
func TestRefusalLingers(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for range 20 {
		c := proxytest.Dial(t, f.address)
		c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: x\n\n")
		_, _ = c.Write(make([]byte, 1<<20))
		if got := statuses(t, c); !slices.Equal(got, []int{400}) {
			t.Fatalf("got %v", got)
		}
	}
}

// TestRefusal checks that a refusal is a complete response, in JSON.
func TestRefusal(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for _, c := range []struct {
		send string
		code int
		want string
	}{
		{"GET / HTTP/1.1\n\n", 400, `{"error":"the request is malformed","reason":"Host is missing"}` + "\n"},
		{"GET /" + strings.Repeat("a", 9000), 414, `{"error":"the request is too large","reason":"request line is too long","key":"limits.requestLine"}` + "\n"},
		{"GET / HTTP/1.1\nHost: a\nExpect: x\n\n", 417, `{"error":"the request expects too much","reason":"expectation other than 100-continue"}` + "\n"},
		{"GET / HTTP/3.0\n", 505, `{"error":"the request needs what is not supported","reason":"HTTP version is not supported"}` + "\n"},
		{"HEAD / HTTP/1.1\n\n", 400, ""},
	} {
		conn := proxytest.Dial(t, f.address)
		conn.Send(c.send)
		method, _, _ := strings.Cut(c.send, " ")
		res, err := http.ReadResponse(conn.R, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, res); res.StatusCode != c.code || body != c.want || !res.Close ||
			res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Date") == "" {
			t.Errorf("%.20q: got %d %v %q", c.send, res.StatusCode, res.Header, body)
		}
		if rest := conn.Rest(); rest != "" {
			t.Errorf("%.20q: then came %q", c.send, rest)
		}
	}
}

// TestUpgradeWithContent checks that a request with content opens no tunnel.
func TestUpgradeWithContent(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 4\n\nbody" + probe)
	got := responses(t, c, http.MethodGet)
	if len(got) != 2 || strings.Contains(got[0].body, "pgrade") || !strings.Contains(got[0].body, `"Body":"body"`) {
		t.Errorf("got %+v", got)
	}
}

// TestShutdownBetweenRequests checks that Shutdown waits neither for clients that were
// refused nor for the rest of a head.
func TestShutdownBetweenRequests(t *testing.T) {
	t.Parallel()
	instance := &witness{}
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}, options: proxy.Options{Settings: proxy.Settings{HeadTimeout: time.Hour}}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\n")
	if res, err := http.ReadResponse(c.R, nil); err != nil || readAll(t, res) != "ok" {
		t.Fatal(err)
	}
	began := time.Now()
	if err := f.proxy.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if rest := c.Rest(); rest != "" {
		t.Errorf("got %q", rest)
	}
}
