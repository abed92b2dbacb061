package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestContinueAfterContent checks that a 100 (Continue) of an instance that has got all
// of the content asks for no more. The client was asked by dynlb, since another one had
// the place of a partial request.
func TestContinueAfterContent(t *testing.T) {
	t.Parallel()
	partial := make(chan struct{})
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/partial" {
			close(partial)
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusContinue)
		}
		echo(w, r)
	})}})
	holder := proxytest.Dial(t, f.address)
	holder.Send("POST /partial HTTP/1.1\nHost: a\nContent-Length: 9\n\na")
	wait(t, partial, "partial request")
	c := proxytest.Dial(t, f.address)
	for range 2 {
		c.Send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n")
		if head := c.Head(); len(head) == 0 || head[0] != "HTTP/1.1 100 Continue" {
			t.Fatalf("head %q", head)
		}
		c.Send("body")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := seen(t, res); got.Body != "body" {
			t.Errorf("instance saw %+v", got)
		}
		f.recorded(t, 200)
	}
	holder.Send("12345678")
	if got := holder.FirstLine(); got != "HTTP/1.1 200 OK" {
		t.Errorf("the partial request got %q", got)
	}
	f.recorded(t, 200)
	f.idle(t)
}

// TestStreamContinue checks that the instance decides whether the content is sent, and
// that the client is asked once.
func TestStreamContinue(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		w.WriteHeader(http.StatusEarlyHints)
		echo(w, r)
	})}})
	for range 20 { // who comes first, net/http or the instance, is a matter of luck
		c := proxytest.Dial(t, f.address)
		c.Send("POST /yes HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n")
		for _, want := range []string{"HTTP/1.1 103 Early Hints", "HTTP/1.1 100 Continue"} {
			if head := c.Head(); len(head) == 0 || head[0] != want {
				t.Fatalf("head %q, want %s", head, want)
			}
		}
		c.Send("body")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := seen(t, res); got.Body != "body" {
			t.Errorf("instance saw %+v", got)
		}
		f.recorded(t, 200)
		c.Send("GET /yes HTTP/1.0\nHost: a\n\n") // the connection is where both think it is
		if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") && !strings.HasPrefix(got, "HTTP/1.0 200 ") {
			t.Errorf("next: %q", got)
		}
		f.recorded(t, 200)

		c = proxytest.Dial(t, f.address)
		c.Send("POST /no HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n")
		if head := c.Head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 417 ") {
			t.Errorf("head %q", head) // a 100 would have asked for the body in vain
		}
		f.recorded(t, 417)
		_ = c.Close()
	}
	f.idle(t)
}

// TestStreamInterim checks that an informational response after a 100 (Continue) is
// forwarded.
func TestStreamInterim(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 100 Continue\n\n")
		_, _ = io.CopyN(io.Discard, c.R, 4)
		c.Send("HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		c.WaitClosed()
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\nConnection: close\n\n")
	if head := c.Head(); len(head) != 1 || head[0] != "HTTP/1.1 100 Continue" {
		t.Fatalf("got %q", head)
	}
	c.Send("body")
	rest := c.Rest()
	if !strings.HasSuffix(rest, "ok") || !strings.HasPrefix(rest, "HTTP/1.1 103 Early Hints") {
		t.Errorf("then %q", rest)
	}
	f.recorded(t, 200)
}

// TestStreamUnwanted checks that content that the instance has refused is not sent to
// it, even if the client did not wait.
func TestStreamUnwanted(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 1)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 417 Expectation Failed\nContent-Length: 0\n\n")
		sent <- c.Rest()
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\nbody")
	if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 417 ") {
		t.Errorf("got %q", got)
	}
	if got := wait(t, sent, "instance"); got != "" {
		t.Errorf("instance got %q", got)
	}
}

// TestStreamUnreachable checks that a client gets the answer that there is no instance
// before it has sent its whole request.
func TestStreamUnreachable(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{queue: registry.Options{QueueLimit: 1}, instances: []string{closedAddress(t)}})
	c := proxytest.Dial(t, f.address)
	start := time.Now()
	c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf")
	if head := c.Head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 503 ") {
		t.Errorf("head %q", head)
	}
	if took := time.Since(start); took > 3*time.Second { // it waits 5 s for the rest, after the response
		t.Errorf("took %v", took)
	}
	f.recorded(t, 503)
}

// TestStreamEarlyResponse checks that a response to half a request arrives, and that
// the connection to the instance is not used again.
func TestStreamEarlyResponse(t *testing.T) {
	t.Parallel()
	conns := make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		conns <- struct{}{}
		for c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 5\n\nearly")
		}
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 104857600\n\nfirst piece")
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); body != "early" || !res.Close {
		t.Errorf("body %q, connection to be closed: %v", body, res.Close)
	}
	f.recorded(t, 200)
	c.WaitClosed()
	readAll(t, get(t, newClient(t, "http1"), f.url))
	if len(conns) != 2 {
		t.Errorf("%d connections to the instance, want 2", len(conns))
	}
	f.recorded(t, 200)
	f.idle(t)

	// Other streams of an HTTP/2 connection are not concerned.
	client := newClient(t, "http2")
	body, more := io.Pipe()
	defer func() { _ = more.Close() }()
	readAll(t, do(t, client, newRequest(t, http.MethodPost, f.url, body)))
	r := newRequest(t, http.MethodGet, f.url, nil)
	readAll(t, do(t, client, r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				t.Error("the HTTP/2 connection was closed")
			}
		},
	}))))
	client.CloseIdleConnections()
}

// TestStreamLinger checks that the proxy does not wait for a client that got an early
// response and neither sends the rest nor leaves.
func TestStreamLinger(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 417 Expectation Failed\nContent-Length: 2\n\nno")
		c.WaitClosed()
	})}})
	for name, request := range map[string]string{
		"reading":     "POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf",
		"not reading": "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 10\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := proxytest.Dial(t, f.address)
			start := time.Now()
			c.Send(request)
			got := c.Rest()
			if !strings.HasPrefix(got, "HTTP/1.1 417 ") || !strings.HasSuffix(got, "no") {
				t.Errorf("got %q", got)
			}
			if took := time.Since(start); took > patience/2 {
				t.Errorf("closed after %v", took)
			}
			f.recorded(t, 417)
		})
	}
}

// TestStreamLatency checks that the response time does not contain the time of the
// client, and that only a response that is no 5xx counts as a success.
func TestStreamLatency(t *testing.T) {
	t.Parallel()
	const slow, pause = 500 * time.Millisecond, 2 * time.Second // far apart, for busy machines
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/slow":
			time.Sleep(slow)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for _, c := range []struct {
		path          string
		pause         time.Duration // of the client, before the content
		slow, success bool
	}{
		{"/500", 0, false, false},
		{"/slow", 0, true, true},
		{"/", pause, false, true},
		{"/slow", pause, true, true},
	} {
		t.Run(fmt.Sprint(c.path, c.pause), func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{address}})
			conn := proxytest.Dial(t, f.address)
			conn.Send("POST " + c.path + " HTTP/1.1\nHost: a\nContent-Length: 4\nConnection: close\n\n")
			time.Sleep(c.pause)
			conn.Send("body")
			conn.WaitClosed()
			snapshot := f.registry.Snapshot()
			got := snapshot.Instances[0]
			if got.ResponseTime <= 0 || got.ResponseTime >= pause || (got.ResponseTime >= slow) != c.slow {
				t.Errorf("response time %v", got.ResponseTime)
			}
			if got.LastSuccess.IsZero() == c.success {
				t.Errorf("last success %v", got.LastSuccess)
			}
		})
	}
}

// TestStreamBadUpload checks that malformed content means a 400.
func TestStreamBadUpload(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nxyz\nGET /smuggled HTTP/1.1\nHost: a\n\n")
	got := c.Rest()
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "malformed chunk size") || strings.Count(got, "HTTP/1.1") != 1 {
		t.Errorf("got %q", got)
	}
	f.recorded(t, 400)
	f.idle(t)
}
