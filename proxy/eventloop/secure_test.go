//go:build linux

package eventloop

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// stuttering is a socket on which nothing has arrived at every second read, and one byte
// at the others.
type stuttering struct {
	net.Conn
	reads int
}

func (s *stuttering) Read(b []byte) (int, error) {
	s.reads++
	if s.reads%2 == 0 {
		return 0, errNothing
	}
	return s.Conn.Read(b[:1])
}

// TestReadGoesOnAfterNothing checks what the whole of secure relies on: an error that has
// Temporary does not end a tls.Conn, comes back as it is, and loses no byte. crypto/tls
// does not promise that, and Temporary is deprecated.
func TestReadGoesOnAfterNothing(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		near, far := net.Pipe()
		text := strings.Repeat("some text ", 100)
		go func() { // ends when all is sent
			config := proxytest.ClientTLS()
			config.MaxVersion = version
			client := tls.Client(far, config)
			_, _ = io.WriteString(client, text)
			_ = client.Close()
		}()
		_ = near.SetDeadline(time.Now().Add(20 * time.Second))
		config := proxytest.ServerTLS()
		config.SessionTicketsDisabled = true // the client does not read
		socket := &switched{Conn: near}
		server := tls.Server(socket, config)
		if err := server.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		socket.Conn = &stuttering{Conn: near}
		var got []byte
		nothings := 0
		for b := make([]byte, 300); ; {
			n, err := server.Read(b)
			got = append(got, b[:n]...)
			if err == errNothing { //nolint:errorlint // it is the very value
				nothings++
				continue
			}
			if IsEnd(err) {
				break
			}
			if err != nil {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
		}
		if string(got) != text || nothings < len(text) {
			t.Errorf("got %d bytes and %d times nothing, want %d bytes", len(got), nothings, len(text))
		}
	}
}

// switched is a connection that can be replaced.
type switched struct{ net.Conn }
