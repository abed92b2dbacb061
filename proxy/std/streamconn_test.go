package std

import (
	"io"
	"net"
	"testing"
)

// TestGoAwayAfterSettings checks that a client that is asked to leave before net/http has
// sent its SETTINGS gets them first (RFC 9113, 3.4).
func TestGoAwayAfterSettings(t *testing.T) {
	t.Parallel()
	here, client := net.Pipe()
	got := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(client)
		got <- string(all)
	}()
	c := &streamConn{Conn: here}
	c.leaving.Store(true)
	c.ask()
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(c, settings); err != nil {
		t.Fatal(err)
	}
	_ = here.Close()
	if sent := <-got; sent != settings+goAway {
		t.Errorf("sent %q", sent)
	}
}
