package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	oracle "golang.org/x/net/http2"
)

// respond sends the head of a response.
func respond(s *server, r *Stream, status int, fields ...string) {
	s.BeginHead(r, status)
	for i := 0; i+1 < len(fields); i += 2 {
		s.Add([]byte(fields[i]), []byte(fields[i+1]))
	}
	s.EndHead()
}

// begin returns a stream whose request has begun.
func begin(t *testing.T, s *server, id uint32, end bool) *Stream {
	t.Helper()
	if err := s.feed(t, func(f *oracle.Framer) { open(f, id, end, get()...) }); err != nil {
		t.Fatal(err)
	}
	return s.requests[len(s.requests)-1]
}

// TestResponse checks the frames of responses.
func TestResponse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := begin(t, s, 1, true)
	respond(s, r, 103, "Link", "x")
	respond(s, r, 200, "Content-Type", "text/plain", "X-Own", "a b", "set-cookie", "")
	s.Write(r, []byte("abc"))
	s.End(r)
	want(t, "sent", s.frames(t), "headers 1 :status=103 link=x false",
		"headers 1 :status=200 content-type=text/plain x-own=a b set-cookie= false", "data 1 abc true")
	r = begin(t, s, 3, true)
	respond(s, r, 204)
	s.End(r)
	r = begin(t, s, 5, true)
	respond(s, r, 418)
	s.Write(r, []byte("abc"))
	respond(s, r, 0, "X-Trailer", "1")
	s.End(r)
	want(t, "sent", s.frames(t), "headers 3 :status=204 true", "headers 5 :status=418 false", "data 5 abc false", "headers 5 x-trailer=1 true")
	r = begin(t, s, 7, false)
	respond(s, r, 200)
	s.TakeOutput()
	s.End(r)
	if !r.IsOpen() {
		t.Error("stream is closed before the request has ended")
	}
	s.Reset(r, NoError)
	s.Reset(r, NoError) // of no effect
	want(t, "sent", s.frames(t), "data 7  true", "reset 7 0")
	if s.Streams() != 0 {
		t.Errorf("%d streams", s.Streams())
	}
}

// TestResponseTable checks that a client that has no room for a table learns that none
// is used.
func TestResponseTable(t *testing.T) {
	t.Parallel()
	s := newServer(t, oracle.Setting{ID: oracle.SettingHeaderTableSize, Val: 0})
	for id := uint32(1); id < 5; id += 2 {
		respond(s, begin(t, s, id, true), 200)
		if got := s.TakeOutput()[frameHead] == 0x20; got != (id == 1) {
			t.Errorf("response %d: %t", id, got)
		}
	}
}

// TestLargeHead checks that a head that is longer than a frame is split.
func TestLargeHead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxFrame - 10, maxFrame, 2 * maxFrame, 3*maxFrame + 5} {
		s := newServer(t)
		r := begin(t, s, 1, true)
		respond(s, r, 200, "x", strings.Repeat("~", size), "y", "1")
		s.End(r)
		want(t, "sent", s.frames(t), fmt.Sprintf("headers 1 :status=200 x=%s y=1 true", clip(bytes.Repeat([]byte("~"), size))))
	}
}

// TestWindowOfClient checks that no more is sent than the client takes.
func TestWindowOfClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, oracle.Setting{ID: oracle.SettingInitialWindowSize, Val: 10})
	r, other := begin(t, s, 1, true), begin(t, s, 3, true)
	s.events = nil
	if n := s.Write(r, make([]byte, 100)); n != 10 {
		t.Errorf("%d bytes written", n)
	}
	feed := func(write func(f *oracle.Framer)) {
		t.Helper()
		if err := s.feed(t, write); err != nil {
			t.Fatal(err)
		}
	}
	feed(func(f *oracle.Framer) { _ = f.WriteWindowUpdate(1, 5) })
	want(t, "events", s.events, "writable 1")
	if n := s.Write(r, make([]byte, 100)); n != 5 {
		t.Errorf("%d bytes written", n)
	}
	// The window may become negative (RFC 9113, 6.9.2).
	feed(func(f *oracle.Framer) {
		_ = f.WriteSettings(oracle.Setting{ID: oracle.SettingInitialWindowSize, Val: 2})
	})
	feed(func(f *oracle.Framer) { _ = f.WriteWindowUpdate(1, 8) })
	if n := s.Write(r, make([]byte, 100)); n != 0 {
		t.Errorf("%d bytes written", n)
	}
	feed(func(f *oracle.Framer) {
		_ = f.WriteSettings(oracle.Setting{ID: oracle.SettingInitialWindowSize, Val: 1 << 20})
	})
	want(t, "events", s.events, "writable 1", "writable")
	if n := s.Write(other, make([]byte, 1<<17)); n != defaultWindow-15 {
		t.Errorf("%d bytes written to the other stream", n)
	}
	if n := s.Write(r, make([]byte, 100)); n != 0 {
		t.Errorf("%d bytes written beyond the window of the connection", n)
	}
	feed(func(f *oracle.Framer) { _ = f.WriteWindowUpdate(0, 7) })
	if n := s.Write(r, make([]byte, 100)); n != 7 {
		t.Errorf("%d bytes written", n)
	}
}

// TestWindowOfServer checks that the client may send more when content was taken, or its
// stream is closed.
func TestWindowOfServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.take = false
	r := begin(t, s, 1, false)
	s.TakeOutput()
	if err := s.feed(t, func(f *oracle.Framer) {
		large(f, 1, 64<<10-1000)
		_ = f.WriteDataPadded(1, false, make([]byte, 500), make([]byte, 255)) // the padding is taken at once
	}); err != nil {
		t.Fatal(err)
	}
	want(t, "sent", s.frames(t))
	s.Taken(r, 32<<10)
	want(t, "sent", s.frames(t), fmt.Sprintf("window 1 %d", 32<<10+256))
	s.Taken(r, 31<<10)
	want(t, "sent", s.frames(t))
	if err := s.feed(t, func(f *oracle.Framer) { large(f, 1, 32<<10) }); err != nil {
		t.Fatal(err)
	}
	s.Reset(r, Cancel)
	want(t, "sent", s.frames(t), "reset 1 8", fmt.Sprintf("window 0 %d", 64<<10-1000+756+32<<10))
	// What the client sent before it learned of that counts for the connection.
	if err := s.feed(t, func(f *oracle.Framer) { large(f, 1, 64<<10) }); err != nil {
		t.Fatal(err)
	}
	want(t, "sent", s.frames(t), fmt.Sprintf("window 0 %d", 64<<10))
}

// TestLeave checks that requests are taken after Leave, and dropped after Stop.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	begin(t, s, 1, true)
	s.Leave()
	begin(t, s, 3, true)
	s.Stop()
	want(t, "sent", s.frames(t), fmt.Sprintf("goaway %d 0", uint32(maxWindow)), "goaway 3 0")
	s.events = nil
	if err := s.feed(t, func(f *oracle.Framer) {
		open(f, 5, false, get("x", "1")...)
		_ = f.WriteData(5, false, []byte("abc"))
		_ = f.WriteWindowUpdate(5, 1)
		_ = f.WriteRSTStream(5, 8)
		_ = f.WriteRSTStream(3, 8)
	}); err != nil {
		t.Fatal(err)
	}
	want(t, "events", s.events, "closed 3 8")
}

// TestPings checks that a PING and settings are answered.
func TestPings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if err := s.feed(t, func(f *oracle.Framer) {
		_ = f.WritePing(false, [8]byte{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})
		_ = f.WritePing(true, [8]byte{})
		_ = f.WriteSettings()
		_ = f.WriteSettingsAck()
		_ = f.WriteGoAway(0, 0, nil)
	}); err != nil {
		t.Fatal(err)
	}
	want(t, "sent", s.frames(t), "ping abcdefgh true", "settings 0 true")
}

// TestResponseAllocations checks that a response allocates nothing when there is room.
func TestResponseAllocations(t *testing.T) {
	s := newServer(t)
	r := begin(t, s, 1, true)
	name, value, content := []byte("Content-Type"), []byte("text/plain"), make([]byte, 100)
	s.out = make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(100, func() {
		s.BeginHead(r, 200)
		s.Add(name, value)
		s.EndHead()
		s.Write(r, content)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
