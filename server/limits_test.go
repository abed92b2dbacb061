package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// The frames of HTTP/2 that the tests know: RFC 9113, 6.
const (
	frameSettings = 0x4
	frameGoAway   = 0x7
)

// begin is how a client of HTTP/2 begins: the preface and empty settings.
const begin = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// readFrame reads one frame.
func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint32(append([]byte{0}, head[:3]...)))
	_, err = io.ReadFull(r, payload)
	return head[3], payload, err
}

// connect opens a connection for the time of the test.
func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second)) // for what hangs
	return conn
}

// A client that pings more often than every minPing is told to go away.
func TestPingsAreBounded(t *testing.T) {
	p := start(t)
	conn := connect(t, p.grpcAddress())
	ping := "\x00\x00\x08\x06\x00\x00\x00\x00\x00" + "12345678"
	if _, err := io.WriteString(conn, begin+strings.Repeat(ping, 10)); err != nil {
		t.Fatal(err)
	}
	for {
		kind, payload, err := readFrame(conn)
		if err != nil {
			t.Fatalf("the server did not say GOAWAY: %v", err)
		}
		if kind == frameGoAway {
			// ENHANCE_YOUR_CALM: RFC 9113, 7.
			if code := binary.BigEndian.Uint32(payload[4:]); code != 0xb || string(payload[8:]) != "too_many_pings" {
				t.Errorf("GOAWAY with %#x %s", code, payload[8:])
			}
			return
		}
	}
}

// A client of gRPC learns the bounds of streams and of headers.
func TestBoundsAreAnnounced(t *testing.T) {
	conn := connect(t, start(t).grpcAddress())
	if _, err := io.WriteString(conn, begin); err != nil {
		t.Fatal(err)
	}
	kind, payload, err := readFrame(conn)
	if err != nil || kind != frameSettings {
		t.Fatalf("first frame is %d, %v", kind, err)
	}
	settings := map[uint16]uint32{}
	for ; len(payload) >= 6; payload = payload[6:] {
		settings[binary.BigEndian.Uint16(payload)] = binary.BigEndian.Uint32(payload[2:])
	}
	const maxConcurrentStreams, maxHeaderListSize = 3, 6 // RFC 9113, 6.5.2
	if settings[maxConcurrentStreams] != maxStreams || settings[maxHeaderListSize] != maxHeaders {
		t.Errorf("settings are %v; want %d streams and %d bytes of header", settings, maxStreams, maxHeaders)
	}
}

func TestLargeHTTPHeaderIsRefused(t *testing.T) {
	v := start(t).visit(t, nil, strings.Repeat("x", 12<<10))
	if resp, text, err := v.get(t, "/v1/status", ""); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("12 KiB: %v %s", err, text)
	}
	v.authorization = strings.Repeat("x", maxHeaders+8<<10) // net/http reads 4 KiB and a buffer further
	resp, text, err := v.get(t, "/v1/status", "")
	if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("24 KiB: %s %s", resp.Status, text)
	}
}

// One connection more than maxConnections waits until another is closed.
func TestConnectionsAreBounded(t *testing.T) {
	p := start(t)
	for _, address := range []string{p.grpcAddress(), p.httpAddress()} {
		var open []net.Conn
		for range maxConnections {
			open = append(open, connect(t, address))
		}
		one := connect(t, address)
		fmt.Fprintf(one, "GET /healthz HTTP/1.0\r\n\r\n")
		one.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := one.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one connection too many was served: %v", err)
		}
		open[0].Close()
		one.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := one.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a place that is free was not given")
		}
		for _, conn := range open {
			conn.Close()
		}
	}
}

// A listener that waits for a place can be closed.
func TestBoundedListenerCloses(t *testing.T) {
	b := newBounded(listen(t))
	for range maxConnections {
		b.places <- struct{}{}
	}
	accepted := make(chan error, 1)
	go func() { // ends with Close
		_, err := b.Accept()
		accepted <- err
	}()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}
