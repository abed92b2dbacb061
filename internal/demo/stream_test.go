package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// dial opens a WebSocket that is closed when the test ends.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, res, err := websocket.Dial(t.Context(), url+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Instance") == "" {
		t.Error("the upgrade response does not name the instance")
	}
	conn.SetReadLimit(2 * maxBody)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func TestWebSocketEchoes(t *testing.T) {
	url, _ := start(t)
	conn := dial(t, url)
	for _, message := range []struct {
		kind websocket.MessageType
		data []byte
	}{
		{websocket.MessageText, []byte("hello")},
		{websocket.MessageText, nil},
		{websocket.MessageBinary, []byte{0, 255, 1}},
		{websocket.MessageBinary, bytes.Repeat([]byte("x"), maxBody)},
	} {
		if err := conn.Write(t.Context(), message.kind, message.data); err != nil {
			t.Fatal(err)
		}
		kind, data, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if kind != message.kind || !bytes.Equal(data, message.data) {
			t.Errorf("sent %v of %d bytes, got %v of %d", message.kind, len(message.data), kind, len(data))
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestWebSocketBounds(t *testing.T) {
	url, _ := start(t)
	conn := dial(t, url)
	// The write may fail too, when the backend has closed before the end of it.
	_ = conn.Write(t.Context(), websocket.MessageBinary, make([]byte, maxBody+1))
	_, _, err := conn.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v, want status %v", err, websocket.StatusMessageTooBig)
	}
}

func TestSSETicks(t *testing.T) {
	url, _ := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/sse?ms=10", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	_, port, _ := strings.Cut(url, "127.0.0.1:")
	lines := bufio.NewScanner(res.Body)
	for _, want := range []string{"data: tick 1 from port " + port, "", "data: tick 2 from port " + port, ""} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got line %q, want %q", lines.Text(), want)
		}
	}
}

func TestRawEchoStreams(t *testing.T) {
	url, _ := start(t)
	body, pieces := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/echo?raw=1", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/x-piece")
	go func() { _, _ = io.WriteString(pieces, "one") }() // joined by the read below
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/x-piece" {
		t.Errorf("content type %q", got)
	}
	got := make([]byte, 3)
	for _, piece := range []string{"one", "two"} {
		if piece != "one" {
			if _, err := io.WriteString(pieces, piece); err != nil {
				t.Fatal(err)
			}
		}
		// The body has not ended yet: the piece must come back all the same.
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != piece {
			t.Fatalf("got %q, %v, want %q", got, err, piece)
		}
	}
	if err := pieces.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestRawEchoHasNoBound(t *testing.T) {
	url, _ := start(t)
	sent := strings.Repeat("0123456789abcdef", 4*maxBody/16)
	if _, got := get(t, http.MethodPost, url+"/echo?raw=1", sent); got != sent {
		t.Errorf("sent %d bytes, got %d others", len(sent), len(got))
	}
}

// A body that breaks off must not come back as one that ended.
func TestRawEchoBreaksOffWithBody(t *testing.T) {
	url, _ := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "POST /echo?raw=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return // broken off before the head: just as plain
		}
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body ended with %v, want %v", err, io.ErrUnexpectedEOF)
	}
}
