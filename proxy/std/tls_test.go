package std

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestHandshakeTime checks that a handshake is given up after handshake.Timeout, however
// many bytes of it have arrived.
func TestHandshakeTime(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]string{"nothing": "", "bytes": strings.Repeat("\x01", 60)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLane(t, settings.Settings{}, answer(func(*http.Request, string) {}))
				l.options.TLS = handshake.New(proxytest.ServerTLS(), l.options.Log)
				client, far := net.Pipe()
				l.accept(far, func() {})
				began := time.Now()
				sent := make(chan struct{})
				go func() { // ends when the connection is closed
					defer close(sent)
					_, _ = client.Write([]byte("\x16\x03\x01\x01\x00"))
					for _, b := range []byte(send) {
						time.Sleep(time.Second)
						if _, err := client.Write([]byte{b}); err != nil {
							return
						}
					}
				}()
				_, _ = io.Copy(io.Discard, client)
				if took := time.Since(began); took != handshake.Timeout {
					t.Errorf("took %v, want %v", took, handshake.Timeout)
				}
				_ = client.Close()
				<-sent
			})
		})
	}
}

// narrow is a socket that takes a few bytes with each write, and then times out.
type narrow struct {
	net.Conn
	takes   int
	written []byte
}

func (n *narrow) Write(b []byte) (int, error) {
	k := min(n.takes, len(b))
	n.written = append(n.written, b[:k]...)
	if k < len(b) {
		return k, os.ErrDeadlineExceeded
	}
	return k, nil
}

// TestTLSWriteGoesOn checks that a write that has failed with a timeout can be gone on
// with, and that what is reported as written is never more than what was given.
func TestTLSWriteGoesOn(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	client := tls.Client(near, proxytest.ClientTLS())
	server := handshake.New(proxytest.ServerTLS(), slog.New(slog.DiscardHandler))
	s := newTLSConn(server, far)
	shaken := make(chan error, 1)
	go func() { shaken <- client.HandshakeContext(t.Context()) }() // waited for below
	if err := server.Shake(t.Context(), s.Conn, s.wire); err != nil {
		t.Fatal(err)
	}
	go s.answer() // the tickets; the client reads them below
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("0123456789abcdef", 10_000))
	slow := &narrow{Conn: far, takes: 1000}
	s.raw = slow
	written, steps := 0, 0
	for ; written < len(text); steps++ {
		n, err := s.Write(text[written:])
		if written += n; written > len(text) {
			t.Fatalf("written %d of %d", written, len(text))
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatalf("no progress at %d", written)
		}
	}
	if steps < len(text)/1100 {
		t.Errorf("%d steps", steps)
	}
	go func() { _, _ = far.Write(slow.written) }() // ends when it is read
	got := make([]byte, len(text))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, text) {
		t.Errorf("got %v", err)
	}
	_, _ = near.Close(), far.Close()
}
