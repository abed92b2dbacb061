// Package examples_test holds the example apps to the same behaviour.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

// patience bounds every wait; what is tested takes far less.
const patience = 10 * time.Second

// The goroutine that spawns the instances of a daemon never ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

func TestApps(t *testing.T) {
	for _, ex := range apps(t) {
		t.Run(ex.name, func(t *testing.T) {
			a := start(t, ex.argv, true)
			t.Run("routes", func(t *testing.T) { testRoutes(t, a, ex.name) })
			t.Run("echo", func(t *testing.T) { testEcho(t, a) })
			t.Run("raw echo", func(t *testing.T) { testRawEcho(t, a) })
			t.Run("sse", func(t *testing.T) { testSSE(t, a) })
			t.Run("ws", func(t *testing.T) { testWebSocket(t, a) })
		})
		t.Run(ex.name+" stops", func(t *testing.T) { testStop(t, start(t, ex.argv, false)) })
	}
}

func testRoutes(t *testing.T, a *app, name string) {
	hello := fmt.Sprintf(`^Hello from %s on port %d, pid %d\n$`, name, a.port, a.cmd.Process.Pid)
	const (
		fromZero = `^ms must be a whole number from 0 to 60000\n$`
		fromTen  = `^ms must be a whole number from 10 to 60000\n$`
	)
	for _, tt := range []struct {
		method, path string
		status       int
		body         string // a regular expression
	}{
		{"GET", "/health", 200, `^ok$`},
		{"HEAD", "/health", 200, `^$`},
		{"GET", "/", 200, hello},
		{"GET", "/?a=b", 200, hello},
		{"GET", "/slow?ms=0", 200, `^slept 0 ms\n$`},
		{"GET", "/slow?ms=20", 200, `^slept 20 ms\n$`},
		{"GET", "/slow?ms=60001", 400, fromZero},
		{"GET", "/slow?ms=-1", 400, fromZero},
		{"GET", "/slow?ms=1.5", 400, fromZero},
		{"GET", "/slow?ms=5s", 400, fromZero},
		{"GET", "/slow?ms=%2B5", 400, fromZero},
		{"GET", "/sse?ms=9", 400, fromTen},
		{"GET", "/ws", 426, `^this path speaks WebSocket\n$`},
		{"GET", "/nothing", 404, `^not found\n$`},
		{"POST", "/nothing", 404, `^not found\n$`},
		{"GET", "/health/", 404, `^not found\n$`},
		{"GET", "/constructor", 404, `^not found\n$`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			res, body := a.do(t, tt.method, tt.path, "")
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if !regexp.MustCompile(tt.body).MatchString(body) {
				t.Errorf("body %q does not match %s", body, tt.body)
			}
		})
	}
}

func testEcho(t *testing.T, a *app) {
	res, body := a.do(t, http.MethodPut, "/echo?a=b%20c&d=", "héllo")
	if mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); mediaType != "application/json" {
		t.Errorf("content type %q", mediaType)
	}
	var got struct {
		Method, Target, Body string
		Headers              map[string]string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if got.Method != http.MethodPut || got.Target != "/echo?a=b%20c&d=" || got.Body != "héllo" {
		t.Errorf("got %+v", got)
	}
	if host := "127.0.0.1:" + strconv.Itoa(a.port); got.Headers["host"] != host || got.Headers["x-colour"] != "red, blue" {
		t.Errorf("headers %v", got.Headers)
	}

	const limit = 1 << 20
	if res, _ := a.do(t, http.MethodPost, "/echo", strings.Repeat("a", limit)); res.StatusCode != http.StatusOK {
		t.Errorf("body of %d bytes: status %d", limit, res.StatusCode)
	}
	if res, _ := a.do(t, http.MethodPost, "/echo", strings.Repeat("a", limit+1)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("body of %d bytes: status %d", limit+1, res.StatusCode)
	}
}

func testRawEcho(t *testing.T, a *app) {
	echo := a.rawEcho(t)
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	if got, err := echo(large); err != nil || got != large {
		t.Errorf("sent %d bytes, got %d, %v", len(large), len(got), err)
	}
}

func testSSE(t *testing.T, a *app) {
	res, err := a.client.Get(a.url + "/sse?ms=10")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewScanner(res.Body)
	for n := range 3 {
		want := fmt.Sprintf("data: tick %d from port %d", n+1, a.port)
		if !lines.Scan() || lines.Text() != want || !lines.Scan() || lines.Text() != "" {
			t.Fatalf("got line %q, want %q and an empty one", lines.Text(), want)
		}
	}
}

func testWebSocket(t *testing.T, a *app) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn := a.dial(t)
	defer func() { _ = conn.CloseNow() }()
	for _, size := range []int{0, 5, 125, 126, 65535, 65536, 1 << 20} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			sent := bytes.Repeat([]byte("x"), size)
			if err := conn.Write(ctx, kind, sent); err != nil {
				t.Fatal(err)
			}
			gotKind, got, err := conn.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if gotKind != kind || !bytes.Equal(got, sent) {
				t.Errorf("sent %v of %d bytes, got %v of %d", kind, size, gotKind, len(got))
			}
		}
	}

	if err := conn.Ping(conn.CloseRead(ctx)); err != nil { // CloseRead reads the pong
		t.Errorf("ping: %v", err)
	}
	if err := conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close: %v", err)
	}

	conn = a.dial(t)
	defer func() { _ = conn.CloseNow() }()
	testFragments(ctx, t, conn)
	if err := conn.Write(ctx, websocket.MessageBinary, make([]byte, 1<<20+1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("after a message over 1 MiB: %v, want status %v", err, websocket.StatusMessageTooBig)
	}
}

// testFragments sends a message in more than one frame.
func testFragments(ctx context.Context, t *testing.T, conn *websocket.Conn) {
	t.Helper()
	message, err := conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	sent := strings.Repeat("0123456789abcdef", 1<<10)
	for part := range strings.SplitAfterSeq(sent, "f") {
		if _, err := io.WriteString(message, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := message.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got, err := conn.Read(ctx); err != nil || string(got) != sent {
		t.Errorf("sent %d bytes in frames, got %d, %v", len(sent), len(got), err)
	}
}

// testStop wants SIGTERM to end streams and WebSockets, to leave a request in
// flight its time, and to wait for nothing else.
func testStop(t *testing.T, a *app) {
	unused, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	stream, err := a.client.Get(a.url + "/sse")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	conn := a.dial(t)
	defer func() { _ = conn.CloseNow() }()
	closed := make(chan error, 1)
	go func() { _, _, err := conn.Read(t.Context()); closed <- err }()

	echo := a.rawEcho(t)

	a.terminate(t)
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("stream: %v, want a clean end", err)
	}
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("WebSocket: %v, want status %v", err, websocket.StatusGoingAway)
	}
	// The app is stopping by now, and the request is still in flight.
	if got, err := echo("two"); err != nil || got != "two" {
		t.Errorf("request in flight: %q, %v", got, err)
	}
	a.wait(t)
	if conn, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://")); err == nil {
		_ = conn.Close()
		t.Error("something still listens on the port")
	}
}
