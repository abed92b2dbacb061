package http2

import (
	"bytes"
	"slices"
	"testing"

	oracle "golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/http1"
)

// responder is a server that answers each request.
type responder struct{ *server }

func (r responder) Request(s *Stream, head []byte) {
	r.server.Request(s, head)
	respond(r.server, s, 200, "Server", "x")
	if s.ID()%4 == 1 {
		r.Write(s, []byte("abc"))
		r.End(s)
	}
}

func (r responder) Content(s *Stream, payload []byte) {
	r.server.Content(s, payload)
	if s.IsOpen() {
		r.Write(s, payload)
		if s.Ended() {
			r.End(s)
		}
	}
}

// converse has a server receive what a client sends, in pieces.
func converse(t *testing.T, sent []byte, step int) *server {
	r := responder{&server{take: true, now: 1}}
	r.Conn = New(r, testConfig)
	for b := []byte(nil); ; {
		n := min(step, len(sent))
		b, sent = append(b, sent[:n]...), sent[n:]
		used, err := r.Receive(b, 1)
		if err != nil {
			r.event("%v", err)
			return r.server
		}
		if b = b[used:]; len(sent) == 0 {
			return r.server
		}
		if len(b) > maxFrame+frameHead {
			t.Fatalf("%d bytes are kept", len(b))
		}
	}
}

// FuzzConn checks that any input is bounded, and has the same effect in whatever pieces
// it arrives.
func FuzzConn(f *testing.F) {
	seed := func(write func(*oracle.Framer)) {
		var b bytes.Buffer
		framer := oracle.NewFramer(&b, nil)
		framer.AllowIllegalWrites = true
		write(framer)
		f.Add(b.Bytes(), uint8(1))
	}
	seed(func(f *oracle.Framer) {
		open(f, 1, true, get("cookie", "a", "cookie", "b")...)
		open(f, 3, false, get("content-length", "3")...)
		_ = f.WriteDataPadded(3, true, []byte("abc"), []byte("xx"))
	})
	seed(func(f *oracle.Framer) {
		_ = f.WriteHeaders(oracle.HeadersFrameParam{StreamID: 3, BlockFragment: encode(get()...)[:5], EndStream: true})
		_ = f.WriteContinuation(3, true, encode(get()...)[5:])
		_ = f.WriteRSTStream(3, 8)
		_ = f.WriteWindowUpdate(3, 1<<20)
		_ = f.WriteData(3, false, []byte("late"))
	})
	seed(func(f *oracle.Framer) {
		_ = f.WriteSettings(oracle.Setting{ID: oracle.SettingInitialWindowSize, Val: 1}, oracle.Setting{ID: oracle.SettingHeaderTableSize})
		open(f, 5, true, get("priority", "u=0")...)
		_ = f.WriteSettings(oracle.Setting{ID: oracle.SettingInitialWindowSize, Val: 100})
		_ = f.WritePing(false, [8]byte{})
		_ = f.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x05u=1"))
		_ = f.WriteGoAway(0, 0, nil)
	})
	seed(func(f *oracle.Framer) {
		open(f, 3, false, get()...)
		_ = f.WriteData(3, false, make([]byte, maxFrame))
		open(f, 3, true, "trailer", "x")
		open(f, 5, true, get("te", "gzip")...)
		open(f, 2, true, get()...)
	})
	seed(func(f *oracle.Framer) {
		open(f, 1, false, webSocketFields()...)
		_ = f.WriteData(1, false, make([]byte, maxFrame))
		open(f, 3, false, webSocketFields()...)
		_ = f.WriteData(3, false, []byte("abc"))
		_ = f.WriteData(3, true, nil)
	})
	f.Fuzz(func(t *testing.T, sent []byte, step uint8) {
		sent = append([]byte(http1.Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), sent...)
		whole, pieces := converse(t, sent, len(sent)), converse(t, sent, int(step)+1)
		for _, s := range []*server{whole, pieces} { // keys are random
			for i := range s.events {
				s.events[i] = anyKey.ReplaceAllString(s.events[i], "key: key")
			}
		}
		if !slices.Equal(whole.events, pieces.events) || !bytes.Equal(whole.Output(), pieces.Output()) {
			t.Errorf("at once %q, sent %q; in pieces %q, sent %q", whole.events, whole.Output(), pieces.events, pieces.Output())
		}
		if whole.receive < 0 || whole.receive > int64(testConfig.ConnWindow) || whole.send < 0 || whole.Streams() > testConfig.Streams {
			t.Errorf("window %d, %d to send, %d streams", whole.receive, whole.send, whole.Streams())
		}
	})
}
