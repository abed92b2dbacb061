package proxy_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestHalfClose checks that a client that ends its side of the connection after its
// request gets the response, as long as requestTimeout gives the instance time for it.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	const patient = 1500 * time.Millisecond // longer than a client would be given up after by guess
	for name, c := range map[string]struct {
		request string
		limit   time.Duration
		code    int
	}{
		"GET":                {"GET / HTTP/1.1\nHost: a\n\n", patience, 200},
		"content":            {"POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", patience, 200},
		"chunks":             {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", patience, 200},
		"HTTP/1.0":           {"GET / HTTP/1.0\n\n", patience, 200},
		"kept HTTP/1.0":      {"GET / HTTP/1.0\nConnection: keep-alive\n\n", patience, 200},
		"last":               {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", patience, 200},
		"begun":              {"GET /begun HTTP/1.1\nHost: a\n\n", patience, 200},
		"instance is silent": {"GET / HTTP/1.1\nHost: a\n\n", patient / 3, 504},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{
				instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.URL.Path == "/begun" {
						_, _ = io.WriteString(w, "hel")
						_ = http.NewResponseController(w).Flush()
					} else {
						w.Header().Set("X-Late", "hel")
					}
					select {
					case <-time.After(patient):
					case <-r.Context().Done(): // the proxy has given it up
					}
					_, _ = io.WriteString(w, w.Header().Get("X-Late")+"lo")
				})},
				timeout: c.limit,
			})
			client := proxytest.Dial(t, f.address)
			client.Send(c.request)
			client.CloseWrite()
			res, err := http.ReadResponse(client.R, nil)
			if err != nil {
				t.Fatalf("no response: %v", err)
			}
			content, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != c.code || c.code == 200 && string(content) != "hello" {
				t.Errorf("%d %q, then %v; want %d", res.StatusCode, content, err, c.code)
			}
			if rest := client.Rest(); strings.TrimSpace(rest) != "" {
				t.Errorf("then came %q", rest)
			}
			f.recorded(t, c.code)
		})
	}
}

// TestHalfCloseInQueue checks that such a client keeps its place in the queue.
func TestHalfCloseInQueue(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	c.CloseWrite()
	f.waiting(t, 1)
	addInstance(t, f.registry, server(t, echo))
	if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("got %q", got)
	}
	f.recorded(t, 200)
}

// TestHalfCloseYields checks that such a request gives up its place in a full queue for one
// whose client is there: its own client may have left.
func TestHalfCloseYields(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "TCP", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{queue: registry.Options{QueueLimit: 1, QueueTimeout: patience}, tls: secure})
			gone := proxytest.Dial(t, f.address)
			gone.Send("GET / HTTP/1.1\nHost: a\n\n")
			f.waiting(t, 1)
			gone.CloseWrite()
			if over, ok := gone.Conn.(*tls.Conn); ok {
				_ = over.NetConn().(*net.TCPConn).CloseWrite()
			}
			refused := make(chan string, 1)
			go func() { refused <- gone.FirstLine() }()
			for end := time.Now().Add(patience); time.Now().Before(end); {
				c := proxytest.Dial(t, f.address)
				c.Send("GET / HTTP/1.1\nHost: a\n\n")
				line := make(chan string, 1)
				go func() { line <- c.FirstLine() }()
				select {
				case got := <-line: // the end of output is not noticed yet
					if got != "HTTP/1.1 503 Service Unavailable" {
						t.Fatalf("a request beyond the limit of the queue got %q", got)
					}
					_ = c.Close()
					time.Sleep(soon / 10) // nothing notifies of it
				case got := <-refused:
					if got != "HTTP/1.1 503 Service Unavailable" {
						t.Errorf("the request that yields got %q", got)
					}
					addInstance(t, f.registry, server(t, echo))
					if got := wait(t, line, "response"); got != "HTTP/1.1 200 OK" {
						t.Errorf("the other one got %q", got)
					}
					return
				}
			}
			t.Error("the request of a client that may have left keeps its place")
		})
	}
}

// TestHalfCloseYieldsLater checks that a request does so too if its client ended its output
// while the request before it on the connection was at an instance.
func TestHalfCloseYieldsLater(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}, 8), make(chan struct{}, 8)
	instance := server(t, func(http.ResponseWriter, *http.Request) {
		began <- struct{}{}
		<-end
	})
	defer close(end)
	f := newProxy(t, setup{
		instances: []string{instance}, queue: registry.Options{MaxConcurrency: 1, QueueLimit: 1, QueueTimeout: patience},
	})
	const request = "GET / HTTP/1.1\nHost: a\n\n"
	gone := proxytest.Dial(t, f.address)
	gone.Send(request)
	wait(t, began, "request")
	gone.Send(request)
	gone.CloseWrite()
	if over, ok := gone.Conn.(*tls.Conn); ok {
		_ = over.NetConn().(*net.TCPConn).CloseWrite()
	}
	proxytest.Dial(t, f.address).Send(request)
	f.waiting(t, 1)
	end <- struct{}{}
	wait(t, began, "request of another client")
	f.waiting(t, 1)
	refused := make(chan int, 2)
	go func() { // ends with the connection
		for range cap(refused) {
			if res, err := http.ReadResponse(gone.R, nil); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				refused <- res.StatusCode
			}
		}
	}()
	if code := wait(t, refused, "response"); code != http.StatusOK {
		t.Fatalf("the first request got %d", code)
	}
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		c := proxytest.Dial(t, f.address)
		c.Send(request)
		line := make(chan string, 1)
		go func() { line <- c.FirstLine() }()
		select {
		case <-line: // the end of output is not noticed yet
			_ = c.Close()
			time.Sleep(soon / 10) // nothing notifies of it
		case code := <-refused:
			if code != http.StatusServiceUnavailable {
				t.Errorf("the request that yields got %d", code)
			}
			return
		}
	}
	t.Error("the request of a client that may have left keeps its place")
}
