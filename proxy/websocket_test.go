package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// echoMessages answers messages of a WebSocket.
func echoMessages(t testing.TB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, append([]byte("echo "), message...)); err != nil {
				return
			}
		}
	}
}

// TestWebSocketOverHTTP2 checks that a WebSocket works on a stream of HTTP/2, beside other
// requests, and is accounted for as one of HTTP/1.1.
func TestWebSocketOverHTTP2(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echoMessages(t))}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, f.url+"/ws?a=b", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: newWebSockets(t)}, Subprotocols: []string{"chat"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body
	if c.Subprotocol() != "chat" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	f.recorded(t, 101)
	c.SetReadLimit(-1)
	for _, message := range []string{"hello", strings.Repeat("x", 1<<20)} {
		if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != "echo "+message {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if n := f.inFlight(); n != 1 {
		t.Errorf("%d in flight, want 1", n)
	}
	if load := f.registry.Snapshot().Instances[0].Streams; load != 1 {
		t.Errorf("%d streams, want 1", load)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	f.drained(t)
	if len(f.records) != 0 {
		t.Errorf("recorded again: %v", <-f.records)
	}
}

// TestWebSocketRefused checks what a client of HTTP/2 gets when no WebSocket comes about.
func TestWebSocketRefused(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/403":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, "<html>")
		}
	})}})
	for path, c := range map[string]struct {
		protocol string
		code     int
	}{
		"/403":  {"websocket", 403},
		"/page": {"websocket", 400}, // a 200 would say that the stream has switched
		"/udp":  {"connect-udp", 501},
	} {
		r := newRequest(t, http.MethodGet, f.url+path, nil)
		r.Header = http.Header{"Upgrade": {c.protocol}, "Sec-Websocket-Version": {"13"}}
		res, err := newWebSockets(t).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != c.code {
			t.Errorf("%s: status %d, want %d", path, res.StatusCode, c.code)
		}
		f.recorded(t, c.code)
	}
	f.idle(t)
	if broken := f.app.Connections().Broken.Value(); broken != 0 {
		t.Errorf("%d broken connections: a client can have an instance taken out", broken)
	}
}

// TestWebSocketHalfClosed checks that the end of one direction leaves the other one open,
// for both directions, and that the tunnel ends with the second end.
func TestWebSocketHalfClosed(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\nfirst")
		rest := c.Rest()
		c.Send(", then " + rest)
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		received <- rest
	})}})
	c := newWebSockets(t).stream(t, f.url)
	first := make([]byte, 5)
	if _, err := io.ReadFull(c, first); err != nil || string(first) != "first" {
		t.Fatalf("got %q, %v", first, err)
	}
	_, _ = io.WriteString(c, "the rest")
	_ = c.input.Close()
	if got := wait(t, received, "the client's bytes"); got != "the rest" {
		t.Errorf("instance got %q", got)
	}
	if rest, err := io.ReadAll(c); err != nil || string(rest) != ", then the rest" {
		t.Errorf("client got %q, %v", rest, err)
	}
	f.recorded(t, 101)
	f.drained(t)
}

// TestWebSocketBackPressure checks that an instance that reads nothing stops its client, and
// that other streams of the connection go on meanwhile.
func TestWebSocketBackPressure(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	const size = 32 << 20 // more than the buffers of the kernel and the windows
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		if head := c.Head(); !strings.HasPrefix(head[0], "GET /ws ") {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok")
			return
		}
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n")
		<-read
		_, _ = io.CopyN(io.Discard, c.R, size)
		c.Send("all")
	})}})
	w := newWebSockets(t)
	c := w.stream(t, f.url+"/ws")
	sent := make(chan struct{})
	go func() { // ends with the instance's reads
		defer close(sent)
		_, _ = io.Copy(c, bytes.NewReader(make([]byte, size)))
	}()
	res, err := w.transport.RoundTrip(newRequest(t, http.MethodGet, f.url+"/page", nil))
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); body != "ok" {
		t.Errorf("page %q", body)
	}
	select {
	case <-sent:
		t.Error("all was taken from the client, and the instance read nothing")
	case <-time.After(100 * time.Millisecond):
	}
	close(read)
	wait(t, sent, "the client's bytes")
	all := make([]byte, 3)
	if _, err := io.ReadFull(c, all); err != nil || string(all) != "all" {
		t.Errorf("got %q, %v", all, err)
	}
	_ = c.Close()
	f.drained(t)
}

// TestWebSocketGone checks that either peer learns that the other one is gone.
func TestWebSocketGone(t *testing.T) {
	t.Parallel()
	ended, end := make(chan error, 1), make(chan struct{})
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		head := c.Head()
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n")
		if strings.HasPrefix(head[0], "GET /dies ") {
			<-end
			c.Reset()
			return
		}
		_, err := c.R.ReadByte()
		ended <- err
	})}})
	w := newWebSockets(t)
	c := w.stream(t, f.url+"/leaves")
	_ = c.ReadCloser.Close() // resets the stream
	if err := wait(t, ended, "the end at the instance"); err == nil {
		t.Error("the instance got a byte")
	}
	if proxytest.OverUnix { // such a socket has no reset
		return
	}
	c = w.stream(t, f.url+"/dies")
	close(end)
	_, err := io.ReadAll(bufio.NewReader(c))
	want := http2.ErrCodeCancel
	if engine == proxy.EngineStd { // net/http has no other way to break a stream off
		want = http2.ErrCodeInternal
	}
	if reset, ok := errors.AsType[http2.StreamError](err); !ok || reset.Code != want {
		t.Errorf("client got %v, want a reset with %v", err, want)
	}
	f.drained(t)
}

// TestWebSocketShutdown checks that a shutdown lets a WebSocket go on until the time for
// draining is over, and asks its client to leave at once.
func TestWebSocketShutdown(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echoMessages(t))}, options: proxy.Options{}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, f.url+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: newWebSockets(t)}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body
	drain, cut := context.WithCancel(t.Context())
	defer cut()
	done := make(chan error, 1)
	go func() { done <- f.proxy.Shutdown(drain) }()
	for range 3 {
		if err := c.Write(ctx, websocket.MessageText, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(ctx); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	cut()
	if err := wait(t, done, "Shutdown"); err == nil || !strings.Contains(err.Error(), "1 cut off") {
		t.Errorf("Shutdown: %v, want one cut off", err)
	}
	if _, _, err := c.Read(ctx); err == nil {
		t.Error("the WebSocket goes on")
	}
}
