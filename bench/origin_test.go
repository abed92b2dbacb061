package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func startTestOrigin(t *testing.T) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serveOrigin(ctx, listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestOriginBodyIs64Bytes(t *testing.T) {
	if len(originBody) != 64 {
		t.Errorf("%d bytes", len(originBody))
	}
}

func TestOriginAnswers(t *testing.T) {
	const close1 = "Connection: close\r\n"
	root, health := string(answerRoot), string(answerHealth)
	for name, test := range map[string]struct {
		writes []string // each in a packet of its own, as far as TCP lets us
		want   string
	}{
		"root":              {[]string{"GET / HTTP/1.1\r\nHost: a\r\n" + close1 + "\r\n"}, root},
		"health":            {[]string{"GET /health HTTP/1.1\r\n" + close1 + "\r\n"}, health},
		"unknown":           {[]string{"GET /other HTTP/1.1\r\n\r\n"}, string(answerNotFound)},
		"HTTP/1.0":          {[]string{"GET / HTTP/1.0\r\n\r\n"}, root},
		"head in pieces":    {[]string{"GET / HT", "TP/1.1\r\nHost: a\r\n" + close1 + "\r", "\n"}, root},
		"pipelined":         {[]string{"GET / HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n" + close1 + "\r\n"}, root + health},
		"nothing after end": {[]string{"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n"}, root},
		"endless head":      {[]string{"GET / HTTP/1.1\r\n", strings.Repeat("a", 32<<10)}, ""},
		"body, and another": {[]string{
			"POST /upload HTTP/1.1\r\ncontent-length: 5\r\n\r\nhe", "lloGET / HTTP/1.1\r\n" + close1 + "\r\n",
		}, root + root},
		"large body": {[]string{
			"POST /upload HTTP/1.1\r\n" + close1 + "Content-Length: 100000\r\n\r\n" + strings.Repeat("a", 100000),
		}, root},
		"chunked body": {[]string{"POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn := startTestOrigin(t)
			for _, part := range test.writes {
				if _, err := io.WriteString(conn, part); err != nil {
					t.Fatal(err)
				}
			}
			// The origin may reset a connection on which it left bytes unread.
			got, _ := io.ReadAll(conn)
			if string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestWorkloadsFitTheOrigin sends every workload's request to an origin, and
// reads the answer as the load does.
func TestWorkloadsFitTheOrigin(t *testing.T) {
	for _, w := range workloads() {
		t.Run(w.name, func(t *testing.T) {
			conn := startTestOrigin(t)
			c := client{conn: conn, request: w.request("a"), buffer: make([]byte, 1000)}
			if err := c.exchange(w); err != nil {
				t.Error(err)
			}
			if again := c.exchange(w); (again == nil) == (w.fresh || w.upgrade) {
				t.Errorf("a second request: %v", again)
			}
		})
	}
}
