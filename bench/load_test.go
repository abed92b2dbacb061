package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// runLoad runs a short closed loop against server.
func runLoad(t *testing.T, server *httptest.Server, bodyBytes int) loadResult {
	t.Helper()
	return runFor(t, server, workload{path: "/", bodyBytes: bodyBytes, connections: 4}, 0, 200*time.Millisecond)
}

// runWorkload runs w for a short time, with all the grace that a busy machine needs.
func runWorkload(t *testing.T, server *httptest.Server, w workload, rate float64) loadResult {
	t.Helper()
	return runFor(t, server, w, rate, 20*time.Second)
}

func runFor(t *testing.T, server *httptest.Server, w workload, rate float64, grace time.Duration) loadResult {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	l := load{
		addrs:    []string{server.Listener.Addr().String()},
		workload: w,
		rate:     rate,
		warmup:   20 * time.Millisecond,
		duration: 100 * time.Millisecond,
		grace:    grace,
	}
	result, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestLoadCounts(t *testing.T) {
	var served, opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		_, _ = io.WriteString(w, originBody)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()

	r := runLoad(t, server, 64)
	if r.Failed != 0 || r.Connections != 4 {
		t.Errorf("failed %d (%s), %d connections; want none and 4", r.Failed, r.FirstFailure, r.Connections)
	}
	if r.Requests == 0 || int64(r.Requests) >= served.Load() {
		t.Errorf("counted %d of the %d served; want some, and less than all for the warm-up", r.Requests, served.Load())
	}
	if opened.Load() != 4 {
		t.Errorf("%d connections, want 4", opened.Load())
	}
	if r.Elapsed < 100*time.Millisecond || r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.P999 || r.P999 > r.Max {
		t.Errorf("implausible times: %+v", r)
	}
}

func TestLoadFollowsAnOrderlyClose(t *testing.T) {
	r := runLoad(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "ok")
	}), 2)
	if r.Failed != 0 || r.Requests == 0 || r.Connections < r.Requests {
		t.Errorf("got %+v; want no failure and a connection per request", r)
	}
}

func TestLoadDetectsFailures(t *testing.T) {
	for name, test := range map[string]struct {
		answer string // raw; the connection ends after it
		want   string
	}{
		"status":        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno", `status line "HTTP/1.1 503`},
		"version":       {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "status line"},
		"length":        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noh!", "3 bytes announced, want 2"},
		"no length":     {"HTTP/1.1 200 OK\r\n\r\nok!", "body of 3 bytes"},
		"bad length":    {"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", "Content-Length"},
		"body broke":    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "broke off after 1 of 2"},
		"head broke":    {"HTTP/1.1 200 OK\r\nContent-Le", "unexpected EOF"},
		"body too long": {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\noh!", "1 bytes after the body"},
		"no answer":     {"", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			r := runLoad(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, test.answer)
				_ = conn.Close()
			}), 2)
			if r.Requests != 0 || r.Failed == 0 || !strings.Contains(r.FirstFailure, test.want) {
				t.Errorf("got %+v; want a failure with %q", r, test.want)
			}
		})
	}
}

func TestLoadDoesNotWaitForEver(t *testing.T) {
	release := make(chan struct{})
	server := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	r := runLoad(t, server, 2)
	if r.Failed < 4 || !strings.Contains(r.FirstFailure, "timeout") {
		t.Errorf("got %+v; want each connection to time out", r)
	}
}

func TestLoadGivesUpOnAPeerThatIsGone(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	server.Close()
	if r := runLoad(t, server, 2); r.Failed != 4*maxFailures {
		t.Errorf("got %+v; want %d failures per connection", r, maxFailures)
	}
}

func TestLoadSpreadsConnections(t *testing.T) {
	var addrs []string
	var served [2]atomic.Int64
	for i := range served {
		addrs = append(addrs, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			served[i].Add(1)
			_, _ = io.WriteString(w, originBody)
		}).Listener.Addr().String())
	}
	var out strings.Builder
	err := loadMain(t.Context(), []string{
		"--addrs", strings.Join(addrs, ","), "--workload", "get-8", "--duration", "50ms",
	}, &out)
	if err != nil || !strings.Contains(out.String(), `"failed":0`) {
		t.Errorf("got %v: %s", err, out.String())
	}
	if served[0].Load() == 0 || served[1].Load() == 0 {
		t.Errorf("served %d and %d requests, want some each", served[0].Load(), served[1].Load())
	}
}

func TestLoadOpensAConnectionPerRequest(t *testing.T) {
	r := runWorkload(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Error("the request does not say Connection: close")
		}
		_, _ = io.WriteString(w, "ok")
	}), workload{path: "/", bodyBytes: 2, connections: 4, fresh: true}, 0)
	if r.Failed != 0 || r.Requests == 0 || r.Connections < r.Requests {
		t.Errorf("got %+v; want no failure and a connection per request", r)
	}
}

func TestLoadUploads(t *testing.T) {
	const size = 300 << 10 // more than a socket takes at once
	r := runWorkload(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != size || r.Method != http.MethodPost {
			t.Errorf("%s with %d bytes, %v", r.Method, n, err)
		}
		_, _ = io.WriteString(w, "ok")
	}), workload{path: "/", bodyBytes: 2, upload: size, connections: 2}, 0)
	if r.Failed != 0 || r.Requests == 0 {
		t.Errorf("got %+v; want no failure", r)
	}
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	r := runWorkload(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}), workload{path: "/", bodyBytes: 2, connections: 8}, 500)
	if r.Failed != 0 || r.Requests < 20 || r.Requests > 100 || r.Rate != 500 {
		t.Errorf("got %+v; want about 50 requests", r)
	}
}

// TestOpenLoopCountsTheWait holds one connection up: those that were due
// meanwhile waited, though none was sent.
func TestOpenLoopCountsTheWait(t *testing.T) {
	var held atomic.Bool
	r := runWorkload(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if held.CompareAndSwap(false, true) {
			select {
			case <-r.Context().Done():
			case <-time.After(80 * time.Millisecond):
			}
		}
		_, _ = io.WriteString(w, "ok")
	}), workload{path: "/", bodyBytes: 2, connections: 1}, 1000)
	if r.Failed != 0 || r.Max < 40*time.Millisecond {
		t.Errorf("got %+v; want a wait of most of 80 ms", r)
	}
}
