package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStreamEvents: each event arrives before the next is sent, and the head
// before the first.
func TestStreamEvents(t *testing.T) {
	next := make(chan struct{})
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_ = http.NewResponseController(w).Flush()
		for i := range 3 {
			<-next
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		r := bufio.NewReader(res.Body)
		for i := range 3 {
			next <- struct{}{}
			line, err := r.ReadString('\n')
			if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
				t.Fatalf("got %q, %v, want %q", line, err, want)
			}
			_, _ = r.ReadString('\n')
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("end: %v", err)
		}
		f.recorded(t, 200)
		f.idle(t)
	})
}

// TestStreamBothWays: the response begins before the request ends, and both
// flow piece by piece.
func TestStreamBothWays(t *testing.T) {
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		_ = rc.Flush()
		buffer := make([]byte, 64)
		for {
			n, err := r.Body.Read(buffer)
			_, _ = w.Write(buffer[:n])
			_ = rc.Flush()
			if err != nil {
				return
			}
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		pr, pw := io.Pipe()
		res := do(t, client, newRequest(t, http.MethodPost, f.url, pr))
		got := make([]byte, 4)
		for _, piece := range []string{"ping", "pong", "quit"} {
			_, _ = io.WriteString(pw, piece)
			if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != piece {
				t.Fatalf("got %q, %v, want %q", got, err, piece)
			}
		}
		_ = pw.Close()
		if rest := readAll(t, res); rest != "" {
			t.Errorf("rest %q", rest)
		}
		f.recorded(t, 200)
		f.idle(t)
	})
}

// TestStreamInformational: 1xx responses arrive as they are sent.
func TestStreamInformational(t *testing.T) {
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		for c.head() != nil {
			c.send("HTTP/1.1 103 Early Hints\nLink: </style.css>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		var links []string
		r := newRequest(t, http.MethodGet, f.url, nil)
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				links = append(links, fmt.Sprint(code, h["Link"]))
				return nil
			},
		}))
		res := do(t, client, r)
		if body := readAll(t, res); body != "ok" || !slices.Equal(links, []string{"103 [</style.css>]"}) {
			t.Errorf("got %q after %q", body, links)
		}
		if res.Header.Get("Link") != "" {
			t.Error("the 103's Link is in the final response")
		}
	})
}

// TestStreamContinue: the instance decides whether the body is sent.
func TestStreamContinue(t *testing.T) {
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		echo(w, r)
	})}})
	c := dial(t, f.address)
	c.send("POST /yes HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n")
	if head := c.head(); len(head) != 1 || head[0] != "HTTP/1.1 100 Continue" {
		t.Fatalf("head %q", head)
	}
	c.send("body")
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen(t, res); got.Body != "body" {
		t.Errorf("instance saw %+v", got)
	}
	f.recorded(t, 200)

	c = dial(t, f.address)
	c.send("POST /no HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 4\n\n")
	if head := c.head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 417 ") {
		t.Errorf("head %q", head) // a 100 would have asked for the body in vain
	}
	f.recorded(t, 417)
	f.idle(t)
}

// TestStreamBackPressure: a slow reader of a large response, and a slow
// instance under a large upload, cost no memory.
func TestStreamBackPressure(t *testing.T) {
	const size = 64 << 20
	var sent atomic.Int64
	release := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			<-release
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		buffer := make([]byte, 1<<20)
		for sent.Load() < size {
			n, err := w.Write(buffer)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		client.Timeout = 0
		sent.Store(0)
		res := get(t, client, f.url)
		if n := settle(&sent); n > size/2 {
			t.Errorf("%d MiB read from the instance, none by the client", n>>20)
		}
		if n := heap(); n > 32<<20 {
			t.Errorf("heap of %d MiB", n>>20)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if n != size || err != nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
		f.recorded(t, 200)
	})
	t.Run("upload", func(t *testing.T) {
		client := newClient(t, "http1")
		client.Timeout = 0
		var read atomic.Int64
		body := io.LimitReader(countingReader{&read}, size)
		r := newRequest(t, http.MethodPost, f.url, body)
		r.ContentLength = size
		done := make(chan error, 1)
		go func() {
			res, err := client.Do(r)
			if err == nil {
				_ = res.Body.Close()
			}
			done <- err
		}()
		if n := settle(&read); n > size/2 {
			t.Errorf("%d MiB taken from the client, none by the instance", n>>20)
		}
		once.Do(func() { close(release) })
		if err := wait(t, done, "upload"); err != nil {
			t.Error(err)
		}
		f.recorded(t, 200)
	})
	f.idle(t)
}

// settle returns n when it stops growing. Nothing tells when back-pressure has
// reached the source, so it looks.
func settle(n *atomic.Int64) int64 {
	for last := int64(-1); ; time.Sleep(200 * time.Millisecond) {
		now := n.Load()
		if now == last && now > 0 {
			return now
		}
		last = now
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// countingReader is endless.
type countingReader struct{ n *atomic.Int64 }

func (r countingReader) Read(p []byte) (int, error) {
	r.n.Add(int64(len(p)))
	return len(p), nil
}

// TestStreamEarlyResponse: an answer to half a request arrives, and the
// connection to the instance is not used again.
func TestStreamEarlyResponse(t *testing.T) {
	conns := make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		conns <- struct{}{}
		for c.head() != nil {
			c.send("HTTP/1.1 200 OK\nContent-Length: 5\n\nearly")
		}
	})}})
	c := dial(t, f.address)
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 104857600\n\nfirst piece")
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); body != "early" || !res.Close {
		t.Errorf("body %q, connection to be closed: %v", body, res.Close)
	}
	f.recorded(t, 200)
	c.waitClosed()
	readAll(t, get(t, newClient(t, "http1"), f.url))
	if len(conns) != 2 {
		t.Errorf("%d connections to the instance, want 2", len(conns))
	}
	f.idle(t)
}

// TestStreamLinger: a client that is answered early and then neither sends the
// rest nor leaves is not waited for.
func TestStreamLinger(t *testing.T) {
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		c.head()
		c.send("HTTP/1.1 417 Expectation Failed\nContent-Length: 2\n\nno")
		c.waitClosed()
	})}})
	for name, request := range map[string]string{
		"reading":     "POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf",
		"not reading": "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 10\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, f.address)
			start := time.Now()
			c.send(request)
			got := c.rest()
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

// TestStreamLatency: the response time is the instance's, without the client's
// share, and only a response that is no 5xx is a success.
func TestStreamLatency(t *testing.T) {
	const slow = 200 * time.Millisecond
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
		wait          time.Duration // of the client, before the body
		slow, success bool
	}{
		{"/500", 0, false, false},
		{"/slow", 0, true, true},
		{"/", slow, false, true},
		{"/slow", slow, true, true},
	} {
		f := newProxy(t, setup{instances: []string{address}})
		conn := dial(t, f.address)
		conn.send("POST " + c.path + " HTTP/1.1\nHost: a\nContent-Length: 4\nConnection: close\n\n")
		time.Sleep(c.wait)
		conn.send("body")
		conn.waitClosed()
		snapshot := f.registry.Snapshot()
		got := snapshot.Instances[0]
		if got.ResponseTime <= 0 || got.ResponseTime >= slow*2 || (got.ResponseTime >= slow) != c.slow {
			t.Errorf("%s after %v: response time %v", c.path, c.wait, got.ResponseTime)
		}
		if got.LastSuccess.IsZero() == c.success {
			t.Errorf("%s: last success %v", c.path, got.LastSuccess)
		}
	}
}

// TestStreamBrokenOff: an instance that dies in the middle of a response breaks
// the client's off too. The client never takes it for whole.
func TestStreamBrokenOff(t *testing.T) {
	for name, response := range map[string]string{
		"length":  "HTTP/1.1 200 OK\nContent-Length: 10\n\nhalf",
		"chunked": "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nhalf\n",
		"chunk":   "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n8\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
				c.head()
				c.send(response)
			})}})
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				res, err := client.Do(newRequest(t, http.MethodGet, f.url, nil))
				if err == nil { // the head may be lost with the rest
					var body []byte
					body, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
					if len(body) > 4 {
						t.Errorf("body %q", body)
					}
				}
				if err == nil {
					t.Error("the response ended as if it were whole")
				}
				f.recorded(t, 502)
				f.idle(t)
			})
			if !strings.Contains(f.log.String(), "instance broke its response off") {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// TestStreamUntilClose: a response that ends with its connection gets a framing
// that shows its end.
func TestStreamUntilClose(t *testing.T) {
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		c.head()
		c.send("HTTP/1.0 200 OK\n\nall of it")
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		if body := readAll(t, get(t, client, f.url)); body != "all of it" {
			t.Errorf("body %q", body)
		}
	})
}

// TestStreamClientGone: a client that leaves, at whatever point, frees the slot
// and closes the instance's connection.
func TestStreamClientGone(t *testing.T) {
	arrived, closed := make(chan struct{}, 8), make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		head := c.head()
		if head == nil {
			return
		}
		if strings.Contains(head[0], "/body") {
			c.send("HTTP/1.1 200 OK\nContent-Length: 10\n\nhalf")
		}
		arrived <- struct{}{}
		c.waitClosed()
		closed <- struct{}{}
	})}})
	for _, request := range []string{
		"GET /silent HTTP/1.1\nHost: a\n\n",
		"GET /body HTTP/1.1\nHost: a\n\n",
		"POST /silent HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf",
		"POST /silent HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n4\nhalf\n",
		"POST /body HTTP/1.1\nHost: a\nContent-Length: 4\n\nfull",
	} {
		t.Run(strings.Fields(request)[0]+strings.Fields(request)[1], func(t *testing.T) {
			c := dial(t, f.address)
			c.send(request)
			wait(t, arrived, "request")
			if f.inFlight() != 1 {
				t.Errorf("%d in flight, want 1", f.inFlight())
			}
			_ = c.Close()
			f.recorded(t, 499)
			f.idle(t)
			wait(t, closed, "close")
		})
	}
	if strings.Contains(f.log.String(), "level=WARN") || strings.Contains(f.log.String(), "level=INFO") {
		t.Errorf("log: %s", f.log)
	}
	t.Run("http2", func(t *testing.T) {
		client := newClient(t, "http2")
		res := get(t, client, f.url+"/body")
		wait(t, arrived, "request")
		_ = res.Body.Close()
		f.recorded(t, 499)
		f.idle(t)
		wait(t, closed, "close")
	})
}

// TestStreamBadUpload: a body that is not one is the client's fault.
func TestStreamBadUpload(t *testing.T) {
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := dial(t, f.address)
	c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nxyz\nGET /smuggled HTTP/1.1\nHost: a\n\n")
	got := c.rest()
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "request body") || strings.Count(got, "HTTP/1.1") != 1 {
		t.Errorf("got %q", got)
	}
	f.recorded(t, 400)
	f.idle(t)
}
