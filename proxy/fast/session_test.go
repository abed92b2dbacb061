//go:build linux

package fast

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/lent"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// streams is a client of HTTP/2 whose frames a test writes and reads.
type streams struct {
	*proxytest.Peer
	*http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

// dialStreams returns a client that has sent its settings.
func dialStreams(t testing.TB, f *lane, set ...http2.Setting) *streams {
	t.Helper()
	c := proxytest.Dial(t, f.address)
	s := &streams{Peer: c, Framer: http2.NewFramer(c, c.R)}
	s.encoder = hpack.NewEncoder(&s.block)
	s.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(c, http1.Preface)
	_ = s.WriteSettings(set...)
	return s
}

// open begins a request.
func (s *streams) open(id uint32, end bool, method, path string, more ...string) {
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: s.encode(method, path, more...), EndHeaders: true, EndStream: end})
}

// encode returns the header block of a request.
func (s *streams) encode(method, path string, more ...string) []byte {
	s.block.Reset()
	fields := append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "a"}, more...)
	for i := 0; i < len(fields); i += 2 {
		_ = s.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return s.block.Bytes()
}

// next returns the next frame that is not of the connection.
func (s *streams) next(t testing.TB) string {
	t.Helper()
	for {
		frame, err := s.ReadFrame()
		if err != nil {
			return err.Error()
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return fmt.Sprintf("%d: headers %s, %d, %t", id, frame.PseudoValue("status"), len(frame.RegularFields()), frame.StreamEnded())
		case *http2.DataFrame:
			return fmt.Sprintf("%d: data %d, %t", id, len(frame.Data()), frame.StreamEnded())
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("%d: reset %d", id, frame.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Sprintf("go away %d", frame.ErrCode)
		}
	}
}

// want fails the test unless these frames come next.
func (s *streams) want(t testing.TB, frames ...string) {
	t.Helper()
	for _, wanted := range frames {
		if got := s.next(t); got != wanted {
			t.Fatalf("got %s, want %s", got, wanted)
		}
	}
}

// sized returns an instance that answers with as many bytes as the path says.
func sized(t testing.TB) string {
	return proxytest.Script(t, func(c *proxytest.Peer) {
		for line := c.FirstLine(); line != ""; line = c.FirstLine() {
			n := 0
			_, _ = fmt.Sscanf(strings.Fields(line)[1], "/%d", &n)
			c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\nDate: x\n\n", n))
			_, _ = c.Write(make([]byte, n))
		}
	})
}

// TestSessionFaultWaits checks that the answer to a request that failed waits for the
// client's window, and ends its stream then.
func TestSessionFaultWaits(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{}, sized(t))
	c := dialStreams(t, f, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	c.open(1, false, "TRACE", "/")
	c.want(t, "1: headers 405, 4, false", "1: data 1, false")
	f.recorded(t, 405)
	_ = c.WriteWindowUpdate(1, 1<<16)
	if got := c.next(t); !strings.HasPrefix(got, "1: data ") || !strings.HasSuffix(got, "true") {
		t.Errorf("got %s", got)
	}
	c.want(t, "1: reset 0")
	c.open(3, true, "GET", "/0")
	c.want(t, "3: headers 200, 2, true")
	c.open(5, true, "GET", "/\x80")
	c.want(t, "5: headers 400, 3, false", "5: data 1, false")
	_ = c.WriteRSTStream(5, http2.ErrCodeCancel)
	f.recorded(t, 200)
	f.recorded(t, 400)
}

// TestSessionStalled checks that a client that does not take a response loses it, and
// others on its connection go on.
func TestSessionStalled(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Settings: with(settings.Settings{IdleTimeout: 300 * time.Millisecond})}, sized(t))
	c := dialStreams(t, f, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	c.open(1, true, "GET", "/1000")
	c.want(t, "1: headers 200, 2, false", "1: data 10, false")
	c.open(3, true, "GET", "/10")
	c.want(t, "3: headers 200, 2, false", "3: data 10, true", "1: reset 8")
	c.open(5, true, "GET", "/9")
	c.want(t, "5: headers 200, 2, false", "5: data 9, true")
	f.recorded(t, 200)
	f.recorded(t, 499)
	f.recorded(t, 200)
}

// TestSessionPriority checks that the most urgent response goes on first when the client
// takes more.
func TestSessionPriority(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, sized(t))
	c := dialStreams(t, f, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	c.open(1, true, "GET", "/65535") // the window of the connection
	for got := ""; !strings.HasSuffix(got, "true"); {
		if got = c.next(t); !strings.HasPrefix(got, "1: ") {
			t.Fatalf("got %s", got)
		}
	}
	for i, urgency := range []string{"u=5", "u=0", "u=3, i", "u=3"} {
		c.open(uint32(3+2*i), true, "GET", "/10", "priority", urgency)
		c.want(t, fmt.Sprintf("%d: headers 200, 2, false", 3+2*i))
	}
	_ = c.WriteWindowUpdate(0, 1000)
	c.want(t, "5: data 10, true", "7: data 10, true", "9: data 10, true", "3: data 10, true")
}

// TestSessionGathers checks that the responses of a turn are written together, and that
// the end of each is in its last frame.
func TestSessionGathers(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, sized(t))
	c := dialStreams(t, f)
	for id := uint32(1); id < 20; id += 2 {
		c.open(id, true, "TRACE", "/")
	}
	for id := uint32(1); id < 20; id += 2 {
		if got := c.next(t); got != fmt.Sprintf("%d: headers 405, 4, false", id) {
			t.Fatalf("got %s", got)
		}
		if got := c.next(t); !strings.HasPrefix(got, fmt.Sprintf("%d: data ", id)) || !strings.HasSuffix(got, "true") {
			t.Fatalf("got %s", got)
		}
	}
}

// TestSessionPanic checks that a panic breaks off the stream that it happens in, and no
// other.
func TestSessionPanic(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		for line := c.FirstLine(); line != ""; line = c.FirstLine() {
			if strings.Contains(line, "/fault") {
				c.Send("HTTP/1.1 299 Odd\nContent-Length: 2\n\nok")
				continue
			}
			<-goOn
			c.Send("HTTP/1.1 200 OK\nDate: x\nContent-Length: 2\n\nok")
		}
	}))
	c := dialStreams(t, f)
	c.open(1, true, "GET", "/")
	c.open(3, true, "GET", "/fault")
	c.want(t, "3: headers 299, 2, false", "3: data 2, false", "3: reset 2")
	f.recorded(t, 500)
	close(goOn)
	c.want(t, "1: headers 200, 2, false", "1: data 2, true")
	if !strings.Contains(f.log.String(), "event loop panicked") {
		t.Errorf("log: %s", f.log)
	}
}

// TestSessionSlowHead checks that a client whose header block does not end is given up.
func TestSessionSlowHead(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Settings: with(settings.Settings{HeadTimeout: 200 * time.Millisecond})}, sized(t))
	c := dialStreams(t, f)
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode("GET", "/"), EndStream: true})
	c.want(t, "go away 0", "EOF")
	c = dialStreams(t, f)
	_, _ = c.Write([]byte("\x00\x00\x08\x06\x00"))
	c.want(t, "go away 0", "EOF")
}

// TestSessionIdle checks that an idle client is asked to leave, and its connection closed
// then.
func TestSessionIdle(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Settings: with(settings.Settings{IdleTimeout: 100 * time.Millisecond})}, sized(t))
	c := dialStreams(t, f)
	c.open(1, true, "GET", "/0")
	c.want(t, "1: headers 200, 2, true", "go away 0")
	c.open(3, true, "GET", "/0")
	c.want(t, "3: headers 200, 2, true", "go away 0", "EOF")
}

// TestSessionStatus checks that the status path is answered over HTTP/2, and that a client
// may be gone by then.
func TestSessionStatus(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	f := serve(t, Options{
		Handover: give(make(chan given, 1)), StatusPath: "/lb-status",
		Lend: func(s *lent.Stream, head []byte, _ forward.Peer, _ string) {
			go func() {
				if strings.Contains(string(head), "slow") {
					<-goOn
				}
				line := strings.Fields(string(head))
				text := line[0] + " " + line[1] + " " + line[4]
				s.Header().Set("Content-Length", fmt.Sprint(len(text)))
				s.Header().Set("Date", "x")
				_, _ = io.WriteString(s, text)
				s.Finish(false)
			}()
		},
	}, sized(t))
	c := dialStreams(t, f)
	c.open(1, true, "GET", "/lb-status?slow")
	c.open(3, true, "GET", "/lb-status?x")
	c.want(t, "3: headers 200, 2, false", "3: data 18, true")
	_ = c.WriteRSTStream(1, http2.ErrCodeCancel)
	c.open(5, true, "GET", "/0")
	c.want(t, "5: headers 200, 2, true")
	close(goOn)
	c.open(7, true, "GET", "/lb-status")
	c.want(t, "7: headers 200, 2, false", "7: data 16, true")
}

// TestSessionFlood checks that a client that floods is turned away, and that this is
// logged.
func TestSessionFlood(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{}, sized(t))
	c := dialStreams(t, f)
	for id := uint32(1); id < 2000; id += 2 {
		c.open(id, true, "GET", "/0")
		_ = c.WriteRSTStream(id, http2.ErrCodeCancel)
	}
	got := ""
	for !strings.HasPrefix(got, "go away") {
		if got = c.next(t); !strings.Contains(got, " ") {
			t.Fatalf("got %s", got)
		}
	}
	if got != "go away 11" {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(f.log.String(), "too many frames that carry nothing") {
		t.Errorf("log: %s", f.log)
	}
}
