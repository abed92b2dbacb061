package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the demo backend until the test ends or stop is called, which
// returns what Run returned.
func start(t *testing.T) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	lines, output := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{Output: output}) }()

	line, err := bufio.NewReader(lines).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)
	if url == "" {
		t.Fatalf("Run said %q, which names no URL", line)
	}
	return url, stopper(t, cancel, done)
}

// startShort is start with another shutdown timeout.
func startShort(t *testing.T, timeout time.Duration) (url string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, listener, timeout) }()
	return "http://" + listener.Addr().String(), stopper(t, cancel, done)
}

func stopper(t *testing.T, cancel context.CancelFunc, done <-chan error) func() error {
	stopped := false
	stop := func() error {
		stopped = true
		cancel()
		http.DefaultClient.CloseIdleConnections()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			t.Error("Run did not return")
			return nil
		}
	}
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	})
	return stop
}

// get sends a request and reads the whole response.
func get(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read body: %v", method, url, err)
	}
	return res, string(got)
}

// inFlight starts a GET and returns when the backend has it; the channel tells
// how it ended.
func inFlight(ctx context.Context, t *testing.T, url, path string) <-chan error {
	t.Helper()
	before := count(t, url)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			err = errors.Join(err, res.Body.Close())
		}
		done <- err
	}()
	// Each poll is a request too.
	for looks := uint64(1); count(t, url) == before+looks; looks++ {
		time.Sleep(time.Millisecond)
	}
	return done
}

func TestStopFinishesRequestsInFlight(t *testing.T) {
	url, stop := start(t)
	done := inFlight(t.Context(), t, url, "/slow?ms=300")
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("request in flight: %v", err)
	}
	if _, err := http.Get(url + "/health"); err == nil {
		t.Error("the stopped backend still answers")
	}
}

func TestStopCutsOffWhatDoesNotFinish(t *testing.T) {
	url, stop := startShort(t, 20*time.Millisecond)
	done := inFlight(t.Context(), t, url, "/slow?ms=60000")
	if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run: %v, want a deadline exceeded", err)
	}
	if err := <-done; err == nil {
		t.Error("the request ended as if it had been answered")
	}
}

func TestStopEndsStreamsCleanly(t *testing.T) {
	url, stop := start(t)
	done := inFlight(t.Context(), t, url, "/sse")
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("stream: %v", err)
	}
}

func TestStopClosesWebSockets(t *testing.T) {
	url, stop := start(t)
	conn := dial(t, url)
	result := make(chan error, 1)
	go func() { _, _, err := conn.Read(t.Context()); result <- err }()
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := <-result; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("WebSocket: %v, want status %v", err, websocket.StatusGoingAway)
	}
}

func TestStopDoesNotWaitForSilentWebSocket(t *testing.T) {
	url, stop := startShort(t, 20*time.Millisecond)
	dial(t, url) // never reads, so never answers the close
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Run took %v to end", took)
	}
}

func TestStopDoesNotWaitForUnusedConnection(t *testing.T) {
	url, stop := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	get(t, http.MethodGet, url, "") // accepted later, so the other one is accepted too
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestLeavingClientFreesSlowRequest(t *testing.T) {
	url, stop := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := inFlight(ctx, t, url, "/slow?ms=60000")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("request: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("Run: %v, so the request was still there", err)
	}
}

func TestRunNamesTakenPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().(*net.TCPAddr)
	err = Run(t.Context(), Options{Port: addr.Port})
	if err == nil || !strings.Contains(err.Error(), addr.String()) {
		t.Errorf("Run: %v, want an error that names %v", err, addr)
	}
}

func TestRunListensOnHost(t *testing.T) {
	err := Run(t.Context(), Options{Host: "192.0.2.1"}) // no machine's own: RFC 5737
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("Run: %v, want an error that names the host", err)
	}
}
