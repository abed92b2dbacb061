package std

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/settings"
)

// beginStream has a client of HTTP/2 send a GET, and gives its connection to a lane.
func beginStream(t *testing.T, l *Lane) (client net.Conn, closed <-chan struct{}) {
	t.Helper()
	here, client := net.Pipe()
	done := make(chan struct{})
	l.Take(here, nil, func() { close(done) })
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_, _ = io.WriteString(client, http1.Preface)
	framer := http2.NewFramer(client, client)
	go func() { // ends with the settings
		_ = framer.WriteSettings()
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true})
	}()
	for range 3 { // SETTINGS, WINDOW_UPDATE and the acknowledgement
		if _, err := framer.ReadFrame(); err != nil {
			t.Fatal(err)
		}
	}
	return client, done
}

// respond is an instance that responds to one request.
func respond(c net.Conn) {
	_, _ = c.Read(make([]byte, 4096))
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntail")
}

// TestShutdownWaitsForTail: a shutdown does not close a connection of HTTP/2 with the end of a
// response that its client has not taken yet.
func TestShutdownWaitsForTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(t, settings.Settings{}, respond)
		client, _ := beginStream(t, l)
		framer := http2.NewFramer(nil, client)
		for f := http2.Frame(nil); f == nil || f.Header().Type != http2.FrameHeaders; {
			var err error
			if f, err = framer.ReadFrame(); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		go l.Shutdown(t.Context())
		time.Sleep(5 * time.Second)
		all, _ := io.ReadAll(client)
		if !strings.Contains(string(all), "tail") {
			t.Errorf("got %q", all)
		}
	})
}

// TestStreamConnLingers: a connection of HTTP/2 that is closed with frames of its client on
// their way would be reset, and the client would lose what it has not read.
func TestStreamConnLingers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(t, settings.Settings{}, respond)
		client, closed := beginStream(t, l)
		go func() { _, _ = io.Copy(io.Discard, client) }() // ends with the connection
		synctest.Wait()
		go l.Shutdown(t.Context())
		time.Sleep(policy.DrainGrace + shutdownLinger/2)
		if err := http2.NewFramer(client, nil).WritePing(false, [8]byte{}); err != nil {
			t.Errorf("a client that reads sends a frame: %v", err)
		}
		time.Sleep(shutdownLinger)
		select {
		case <-closed:
		default:
			t.Error("the connection stays open")
		}
	})
}

// TestStreamConnTakesNothing: a connection of HTTP/2 whose client takes nothing any more is
// closed, as one of HTTP/1.1 is.
func TestStreamConnTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(t, settings.Settings{IdleTimeout: 10 * time.Second}, respond)
		_, closed := beginStream(t, l)
		over, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		select {
		case <-closed:
		case <-over.Done():
			t.Error("the connection stays open")
		}
	})
}
