package server

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The types of HTTP/2 frames that the tests use: RFC 9113, 6.
const (
	frameSettings = 0x4
	frameGoAway   = 0x7
)

// begin is what a client of HTTP/2 sends first: the preface and empty settings.
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

// connect opens a connection that is closed after the test.
func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second)) // ends a test that would hang
	return conn
}

// TestPingsAreBounded: a client that pings more often than every minPing gets a
// GOAWAY.
func TestPingsAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	conn := connect(t, p.grpcAddress())
	ping := "\x00\x00\x08\x06\x00\x00\x00\x00\x00" + "12345678"
	if _, err := io.WriteString(conn, begin+strings.Repeat(ping, 10)); err != nil {
		t.Fatal(err)
	}
	for {
		kind, payload, err := readFrame(conn)
		if err != nil {
			t.Fatalf("the server sent no GOAWAY: %v", err)
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

// TestBoundsAreAnnounced: the settings of HTTP/2 name the limits of streams and
// headers.
func TestBoundsAreAnnounced(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	v := start(t).visit(t, nil, strings.Repeat("x", 12<<10))
	if resp, text, err := v.get(t, "/v1/status", ""); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("12 KiB: %v %s", err, text)
	}
	v.authorization = strings.Repeat("x", maxHeaders+8<<10) // net/http allows 4 KiB and a buffer more
	resp, text, err := v.get(t, "/v1/status", "")
	if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("24 KiB: %s %s", resp.Status, text)
	}
}
