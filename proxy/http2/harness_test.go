package http2

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	oracle "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dynlb/dynlb/proxy/http1"
)

// testConfig is small, so that limits are met soon.
var testConfig = Config{Streams: 4, StreamWindow: 64 << 10, ConnWindow: 128 << 10, Block: 64 << 10}

// server is a Handler that writes down what it learns.
type server struct {
	*Conn
	events   []string
	requests []*Stream
	head     *string // of the last request; nil: it is not wanted
	take     bool    // content is taken at once
	now      int64
}

// newServer returns a server that has got the preface and settings of its client.
func newServer(t testing.TB, settings ...oracle.Setting) *server {
	t.Helper()
	s := &server{take: true, now: 1}
	s.Conn = New(s, testConfig)
	_ = s.feed(t, func(f *oracle.Framer) { _ = f.WriteSettings(settings...) }, http1.Preface)
	s.TakeOutput()
	return s
}

func (s *server) Room(b []byte, n int) []byte {
	return append(make([]byte, 0, max(len(b)+n, 256)), b...)
}

func (s *server) Open() *Stream { return new(Stream) }

func (s *server) Request(r *Stream, head []byte) {
	s.requests = append(s.requests, r)
	if s.head != nil {
		*s.head = string(head)
	}
	s.event("request %d %q %t", r.ID(), head, r.Ended())
}

func (s *server) Content(r *Stream, payload []byte) {
	s.event("content %d %q %t", r.ID(), clip(payload), r.Ended())
	if s.take {
		s.Taken(r, len(payload))
	}
}

func (s *server) Closed(r *Stream, code Code) { s.event("closed %d %d", r.ID(), code) }

func (s *server) Writable(r *Stream) {
	if r == nil {
		s.event("writable")
		return
	}
	s.event("writable %d", r.ID())
}

func (s *server) event(format string, values ...any) {
	s.events = append(s.events, fmt.Sprintf(format, values...))
}

// clip shortens what is long.
func clip(b []byte) string {
	if len(b) > 20 {
		return fmt.Sprintf("%s... %d", b[:10], len(b))
	}
	return string(b)
}

// feed has the server receive what write writes, behind some bytes.
func (s *server) feed(t testing.TB, write func(*oracle.Framer), before ...string) error {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(strings.Join(before, ""))
	f := oracle.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	if write != nil {
		write(f)
	}
	used, err := s.Receive(b.Bytes(), s.now)
	if err == nil && used != b.Len() {
		t.Fatalf("%d of %d bytes used", used, b.Len())
	}
	return err
}

// frames returns what the server has sent, one text for each frame, and forgets it.
func (s *server) frames(t testing.TB) []string {
	t.Helper()
	var all []string
	f := oracle.NewFramer(nil, bytes.NewReader(s.TakeOutput()))
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.MaxHeaderListSize = 1 << 20
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return all
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *oracle.MetaHeadersFrame:
			text := ""
			for _, field := range frame.Fields {
				text += fmt.Sprintf(" %s=%s", field.Name, clip([]byte(field.Value)))
			}
			all = append(all, fmt.Sprintf("headers %d%s %t", id, text, frame.StreamEnded()))
		case *oracle.DataFrame:
			all = append(all, fmt.Sprintf("data %d %s %t", id, clip(frame.Data()), frame.StreamEnded()))
		case *oracle.RSTStreamFrame:
			all = append(all, fmt.Sprintf("reset %d %d", id, frame.ErrCode))
		case *oracle.GoAwayFrame:
			all = append(all, fmt.Sprintf("goaway %d %d", frame.LastStreamID, frame.ErrCode))
		case *oracle.WindowUpdateFrame:
			all = append(all, fmt.Sprintf("window %d %d", id, frame.Increment))
		case *oracle.PingFrame:
			all = append(all, fmt.Sprintf("ping %s %t", frame.Data[:], frame.IsAck()))
		case *oracle.SettingsFrame:
			all = append(all, fmt.Sprintf("settings %d %t", frame.NumSettings(), frame.IsAck()))
		default:
			all = append(all, fmt.Sprint(frame))
		}
	}
}

// encode returns a header block.
func encode(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

// get are the fields of a request.
func get(more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}, more...)
}

// open begins a request.
func open(f *oracle.Framer, id uint32, end bool, fields ...string) {
	_ = f.WriteHeaders(oracle.HeadersFrameParam{StreamID: id, BlockFragment: encode(fields...), EndHeaders: true, EndStream: end})
}

// want fails the test unless got is as wanted.
func want(t testing.TB, what string, got []string, wanted ...string) {
	t.Helper()
	if !slices.Equal(got, wanted) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
}
