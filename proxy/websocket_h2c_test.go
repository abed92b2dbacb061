package proxy_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// echoConnect answers an extended CONNECT for a WebSocket with what it gets, and then with the
// rest of its say.
func echoConnect(t testing.TB) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		if r.Method != http.MethodConnect || h.Get(":protocol") != "websocket" || r.URL.Path != "/ws" || h.Get("Sec-Websocket-Version") != "13" ||
			h["Sec-Websocket-Key"] != nil || h["Upgrade"] != nil || h["X-Forwarded-For"] == nil {
			t.Errorf("instance got %s %s %v", r.Method, r.URL, h)
		}
		if h.Get("X-Refuse") != "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Sec-Websocket-Protocol", "chat")
		w.WriteHeader(http.StatusOK)
		out := http.NewResponseController(w)
		_ = out.Flush()
		b := make([]byte, 4096)
		for {
			n, err := r.Body.Read(b)
			_, _ = w.Write(b[:n])
			_ = out.Flush()
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(w, ", and the rest")
	}
}

// TestWebSocketToH2C checks that a WebSocket reaches an instance that speaks HTTP/2 and takes
// an extended CONNECT, from clients of HTTP/1.1 and of HTTP/2.
func TestWebSocketToH2C(t *testing.T) {
	t.Parallel()
	t.Run("http1", func(t *testing.T) {
		t.Parallel()
		f := newProxy(t, setup{instances: []string{h2cInstance(t, false, echoConnect(t))}, protocol: route.H2C})
		c := proxytest.Dial(t, f.address)
		c.Send("GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // RFC 6455, 1.3
		if h := res.Header; res.StatusCode != 101 || h.Get("Sec-Websocket-Accept") != accept || h.Get("Sec-Websocket-Protocol") != "chat" || h.Get("Upgrade") != "websocket" {
			t.Fatalf("got %d %v", res.StatusCode, h)
		}
		talkBoth(t, c.R, c.Conn, func() { _ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() })
		f.recorded(t, 101)
		f.drained(t)
	})
	t.Run("http2", func(t *testing.T) {
		t.Parallel()
		f := newProxy(t, setup{instances: []string{h2cInstance(t, false, echoConnect(t))}, protocol: route.H2C})
		c := newWebSockets(t).stream(t, f.url+"/ws")
		talkBoth(t, bufio.NewReader(c), c, func() { _ = c.input.Close() })
		f.recorded(t, 101)
		f.drained(t)
	})
}

// talkBoth has bytes echoed, and ends the client's side.
func talkBoth(t *testing.T, r *bufio.Reader, w io.Writer, end func()) {
	t.Helper()
	for _, said := range []string{"hello", strings.Repeat("x", 300_000)} {
		go func() { _, _ = io.WriteString(w, said) }() // the read below waits for it
		got := make([]byte, len(said))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != said {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	end()
	if rest, err := io.ReadAll(r); err != nil || string(rest) != ", and the rest" {
		t.Errorf("then got %q, %v", rest, err)
	}
}

// TestWebSocketToH2CRefused checks what clients get when an instance that speaks HTTP/2
// refuses a WebSocket, or knows none; it is not to blame.
func TestWebSocketToH2CRefused(t *testing.T) {
	t.Parallel()
	calls, _ := grpcInstance(t)
	for name, c := range map[string]struct {
		instance, refuse string
		code             int
		words            string
	}{
		"refuses":    {h2cInstance(t, false, echoConnect(t)), "1", 403, ""},
		"knows none": {calls, "", 501, "RFC 8441"},
	} {
		f := newProxy(t, setup{instances: []string{c.instance}, protocol: route.H2C})
		client := proxytest.Dial(t, f.address)
		client.Send("GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade, close\nUpgrade: websocket\nSec-WebSocket-Version: 13\nX-Refuse: " + c.refuse + "\n\n")
		res, err := http.ReadResponse(client.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		if content := readAll(t, res); res.StatusCode != c.code || !strings.Contains(content, c.words) {
			t.Errorf("%s: HTTP/1.1 client got %d %s", name, res.StatusCode, content)
		}
		f.recorded(t, c.code)
		r := newRequest(t, http.MethodGet, f.url+"/ws", nil)
		r.Header = http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "X-Refuse": {c.refuse}}
		if res, err = newWebSockets(t).RoundTrip(r); err != nil {
			t.Fatal(err)
		}
		if content := readAll(t, res); res.StatusCode != c.code || !strings.Contains(content, c.words) {
			t.Errorf("%s: HTTP/2 client got %d %s", name, res.StatusCode, content)
		}
		f.recorded(t, c.code)
		f.idle(t)
		if broken := f.app.Connections().Broken.Value(); broken != 0 {
			t.Errorf("%s: %d broken connections", name, broken)
		}
	}
}

// TestWebSocketToH2CGone checks that the instance learns when the client of a WebSocket is
// gone, and that a client does when the instance is.
func TestWebSocketToH2CGone(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	f := newProxy(t, setup{protocol: route.H2C, instances: []string{h2cInstance(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/dies" {
			_, _ = r.Body.Read(make([]byte, 1))
			panic(http.ErrAbortHandler)
		}
		_, err := r.Body.Read(make([]byte, 1))
		ended <- err
	})}})
	w := newWebSockets(t)
	c := w.stream(t, f.url+"/leaves")
	_ = c.ReadCloser.Close() // resets the stream
	if err := wait(t, ended, "the end at the instance"); err == nil {
		t.Error("the instance got a byte")
	}
	c = w.stream(t, f.url+"/dies")
	_, _ = io.WriteString(c, "x")
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the end of the broken WebSocket looks like a whole one")
	}
	f.drained(t)
}

// TestExtendedConnectIsOffered checks that both lanes offer WebSockets over HTTP/2, and that
// the variable by which net/http is set is not left to the instances.
func TestExtendedConnectIsOffered(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.DialHTTP2(t, f.address)
	_, _ = io.WriteString(c.Conn, http2.ClientPreface)
	framer := http2.NewFramer(c.Conn, c.R)
	_ = framer.WriteSettings()
	frame, err := framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("got %v", frame)
	}
	if offered, _ := settings.Value(http2.SettingEnableConnectProtocol); offered != 1 {
		t.Error("extended CONNECT is not offered")
	}
}
