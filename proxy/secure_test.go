package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

const plainGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// shaped is a client's socket that sends the bytes as a test wants it.
type shaped struct {
	net.Conn
	writes int // so far
	holdAt int // keeps all writes from that one on; 0: none
	piece  int // sends so many bytes at a time; 0: all
	held   bytes.Buffer
}

func (s *shaped) Write(b []byte) (int, error) {
	s.writes++
	if s.holdAt > 0 && s.writes >= s.holdAt {
		return s.held.Write(b)
	}
	if s.piece == 0 {
		return s.Conn.Write(b)
	}
	for i := 0; i < len(b); i += s.piece {
		if _, err := s.Conn.Write(b[i:min(len(b), i+s.piece)]); err != nil {
			return 0, err
		}
		if i%(8*s.piece) == 0 {
			time.Sleep(50 * time.Microsecond) // so that not all of them are one segment
		}
	}
	return len(b), nil
}

// release sends what was kept, at once.
func (s *shaped) release() {
	s.holdAt = 0
	_, _ = s.Conn.Write(s.held.Bytes())
	s.held.Reset()
}

// dialShaped connects through s to a proxy that speaks TLS.
func dialShaped(t *testing.T, address string, s *shaped) *proxytest.Peer {
	t.Helper()
	s.Conn = proxytest.DialTCP(t, address).Conn
	config := proxytest.ClientTLS("http/1.1")
	config.DynamicRecordSizingDisabled = true
	return proxytest.NewPeer(tls.Client(s, config))
}

// wantAnswers reads n responses.
func wantAnswers(t *testing.T, c *proxytest.Peer, n int) {
	t.Helper()
	for i := range n {
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatalf("response %d of %d: %v", i+1, n, err)
		}
		if body := readAll(t, res); res.StatusCode != http.StatusOK || body != "ok" {
			t.Fatalf("response %d: %d %q", i+1, res.StatusCode, body)
		}
	}
}

// TestTLSRecords checks that requests are answered, whatever the records and segments
// are in which they arrive.
func TestTLSRecords(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})}})
	for name, talk := range map[string]func(s *shaped, c *proxytest.Peer) int{
		"with Finished": func(s *shaped, c *proxytest.Peer) int {
			s.holdAt = 2 // the ClientHello goes out
			if err := c.Conn.(*tls.Conn).HandshakeContext(t.Context()); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(c, plainGet)
			s.release()
			return 1
		},
		"byte by byte": func(s *shaped, c *proxytest.Peer) int {
			s.piece = 1
			_, _ = io.WriteString(c, plainGet+plainGet)
			return 2
		},
		"ten records in a segment": func(s *shaped, c *proxytest.Peer) int {
			_ = c.Conn.(*tls.Conn).HandshakeContext(t.Context())
			s.holdAt = 1
			for range 10 {
				_, _ = io.WriteString(c, plainGet)
			}
			s.release()
			return 10
		},
		"many in a record": func(_ *shaped, c *proxytest.Peer) int {
			_, _ = io.WriteString(c, strings.Repeat(plainGet, 300))
			return 300
		},
		"a record for each byte": func(_ *shaped, c *proxytest.Peer) int {
			for i := range plainGet {
				_, _ = io.WriteString(c, plainGet[i:i+1])
			}
			return 1
		},
		"more than a buffer": func(_ *shaped, c *proxytest.Peer) int {
			long := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1000) + "\r\n\r\n"
			_, _ = io.WriteString(c, strings.Repeat(long, 300))
			return 300
		},
		"more than the buffer for a head that has begun": func(_ *shaped, c *proxytest.Peer) int {
			_, _ = io.WriteString(c, plainGet+plainGet[:10]) // the proxy holds the ten bytes when it responds
			wantAnswers(t, c, 1)
			_, _ = io.WriteString(c, plainGet[10:]+strings.Repeat(plainGet, 200))
			return 201
		},
		"content, then requests": func(_ *shaped, c *proxytest.Peer) int {
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"+strings.Repeat("x", 200_000)+strings.Repeat(plainGet, 20))
			return 21
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shaped{}
			c := dialShaped(t, f.address, s)
			wantAnswers(t, c, talk(s, c))
		})
	}
}

// TestTLSKeyUpdate checks that new keys are used and, if the client asks for it, made: at
// once, also when no request is under way.
func TestTLSKeyUpdate(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}})
	c, err := proxytest.NewRecords(proxytest.DialTCP(t, f.address).Conn)
	if err != nil {
		t.Fatal(err)
	}
	send := func(kind byte, content []byte) {
		record, err := c.Seal(kind, content)
		if err == nil {
			_, err = c.Write(record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	receive := func(want byte) []byte {
		for {
			kind, content, err := c.Next()
			switch {
			case err != nil:
				t.Fatal(err)
			case kind == proxytest.RecordHandshake && content[0] == 4: // a ticket
			case kind != want:
				t.Fatalf("record of type %d, %q", kind, content)
			default:
				return content
			}
		}
	}
	for range 3 {
		send(proxytest.RecordHandshake, proxytest.KeyUpdate)
		if got := receive(proxytest.RecordHandshake); got[0] != proxytest.KeyUpdate[0] {
			t.Fatalf("handshake message %q", got)
		}
		send(proxytest.RecordData, []byte(plainGet))
		if got := receive(proxytest.RecordData); !strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
			t.Fatalf("got %q", got)
		}
	}
}
