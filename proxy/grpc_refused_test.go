package proxy_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// frames is an instance that a test scripts by frames.
type frames struct {
	*http2.Framer
	conn net.Conn
	t    testing.TB
}

// frameInstance has script serve the nth connection, beginning with 0, after the settings.
func frameInstance(t testing.TB, script func(n int, f *frames)) string {
	t.Helper()
	listener := proxytest.Listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveFrames(t, conn, n, script)
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}

// serveFrames serves a connection until the script ends.
func serveFrames(t testing.TB, conn net.Conn, n int, script func(n int, f *frames)) {
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := &frames{http2.NewFramer(conn, conn), conn, t}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings() // the reads show an error
	script(n, f)
}

// request waits for the next request, and returns the number of its stream; 0: there is
// none.
func (f *frames) request() uint32 {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		if head, ok := frame.(*http2.MetaHeadersFrame); ok {
			return head.StreamID
		}
	}
}

// fields sends a header block.
func (f *frames) fields(stream uint32, end bool, fields ...string) {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes all
	}
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: end})
}

// answer answers a call with an empty message.
func (f *frames) answer(stream uint32) {
	f.fields(stream, false, ":status", "200", "content-type", "application/grpc")
	_ = f.WriteData(stream, false, make([]byte, 5))
	f.fields(stream, true, "grpc-status", "0")
}

// TestGRPCRefused: a call that the instance has not acted on, as it says, is carried again.
func TestGRPCRefused(t *testing.T) {
	t.Parallel()
	calls := make(chan int, 8)
	address := frameInstance(t, func(n int, f *frames) {
		switch stream := f.request(); {
		case stream == 0:
			return
		case n == 0:
			calls <- n
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
		case n == 1:
			calls <- n
			_ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
			if stream = f.request(); stream != 0 {
				calls <- 10
				f.answer(stream)
			}
		default: // it may be carried again on another connection
			calls <- 10
			f.answer(stream)
		}
		f.request()
	})
	f, c := grpcFront(t, setup{instances: []string{address}})
	if _, err := c.say(withPatience(t), "hello"); err != nil {
		t.Errorf("%v; log: %s", err, f.log)
	}
	for _, want := range []int{0, 1, 10} {
		select {
		case got := <-calls:
			if got != want {
				t.Errorf("the instance got the call at %d, want %d", got, want)
			}
		default:
			t.Errorf("the instance did not get the call at %d", want)
		}
	}
	f.idle(t)
}

// TestGRPCStreamRefused: so is one whose client has not sent all of its content. The instance
// gets what was sent before, and what is sent afterwards.
func TestGRPCStreamRefused(t *testing.T) {
	t.Parallel()
	refused := make(chan struct{})
	sent := make(chan int, 8)
	address := frameInstance(t, func(n int, f *frames) {
		stream := f.request()
		if stream == 0 {
			return
		}
		if n == 0 {
			_, _ = f.ReadFrame() // the first message
			close(refused)
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			f.request()
			return
		}
		for size := 0; ; {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if data, ok := frame.(*http2.DataFrame); ok {
				if size += len(data.Data()); data.StreamEnded() {
					sent <- size
					f.answer(stream)
				}
			}
		}
	})
	f, c := grpcFront(t, setup{instances: []string{address}})
	s := c.stream(withPatience(t), t, "Sum")
	send(t, s, "abc")
	<-refused
	send(t, s, "defg")
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(text("")); err != nil {
		t.Fatalf("%v; log: %s", err, f.log)
	}
	const want = 2*(5+2) + 3 + 4 // what frames a message, and its field
	if got := <-sent; got != want {
		t.Errorf("the instance got %d bytes of content, want %d", got, want)
	}
}

// TestGRPCLongStreamRefused: one of whose content more was sent than is kept is not carried
// again: the instance would get a part of it.
func TestGRPCLongStreamRefused(t *testing.T) {
	t.Parallel()
	const size = 2 * policy.FirstContent
	var streams atomic.Int32
	begun := make(chan struct{}, 1)
	address := frameInstance(t, func(_ int, f *frames) {
		for f.request() != 0 {
			streams.Add(1)
			for got := 0; got < size; {
				frame, err := f.ReadFrame()
				if err != nil {
					return
				}
				if data, ok := frame.(*http2.DataFrame); ok {
					got += len(data.Data())
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			}
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
		}
	})
	f, c := grpcFront(t, setup{instances: []string{address}})
	s := c.stream(withPatience(t), t, "Sum")
	send(t, s, strings.Repeat("x", size/4))
	wait(t, begun, "content at the instance") // all that arrives before the call is carried is kept
	for range 3 {
		send(t, s, strings.Repeat("x", size/4))
	}
	if err := s.RecvMsg(text("")); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("%v, want %v; log: %s", err, codes.Unavailable, f.log)
	}
	if n := streams.Load(); n != 1 {
		t.Errorf("the call was carried %d times", n)
	}
}

// TestGRPCReset: a call that the instance may have acted on is not carried again, and the
// client gets the status that the code stands for; also within a response.
func TestGRPCReset(t *testing.T) {
	t.Parallel()
	for code, want := range map[http2.ErrCode]codes.Code{
		http2.ErrCodeCancel:          codes.Canceled,
		http2.ErrCodeInternal:        codes.Internal,
		http2.ErrCodeEnhanceYourCalm: codes.ResourceExhausted,
	} {
		for name, begun := range map[string]bool{"before the response": false, "within the response": true} {
			t.Run(code.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				address := frameInstance(t, func(n int, f *frames) {
					for stream := f.request(); stream != 0; stream = f.request() {
						if n > 0 || stream > 1 {
							f.answer(stream)
							continue
						}
						if begun {
							f.fields(stream, false, ":status", "200", "content-type", "application/grpc")
						}
						_ = f.WriteRSTStream(stream, code)
					}
				})
				f, c := grpcFront(t, setup{instances: []string{address}})
				if _, err := c.say(withPatience(t), "hello"); grpcstatus.Code(err) != want {
					t.Errorf("%v, want %v; log: %s", err, want, f.log)
				}
			})
		}
	}
}

// TestH2CMalformed: what an instance must not send ends the request, or the connection, and
// nothing else.
func TestH2CMalformed(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(f *frames, stream uint32){
		"no status":          func(f *frames, s uint32) { f.fields(s, true, "x", "y") },
		"connection field":   func(f *frames, s uint32) { f.fields(s, true, ":status", "200", "connection", "close") },
		"line end":           func(f *frames, s uint32) { f.fields(s, true, ":status", "200", "x", "a\r\nb: c") },
		"status 101":         func(f *frames, s uint32) { f.fields(s, false, ":status", "101") },
		"too little content": func(f *frames, s uint32) { f.fields(s, true, ":status", "200", "content-length", "3") },
		"content first":      func(f *frames, s uint32) { _ = f.WriteData(s, true, []byte("x")) },
		"a push": func(f *frames, s uint32) {
			_ = f.WritePushPromise(http2.PushPromiseParam{StreamID: s, PromiseID: 2, EndHeaders: true})
		},
		"unknown stream":   func(f *frames, s uint32) { f.fields(s+2, true, ":status", "200") },
		"a window of 2^31": func(f *frames, _ uint32) { _ = f.WriteWindowUpdate(0, 1<<31-1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			address := frameInstance(t, func(n int, f *frames) {
				for stream := f.request(); stream != 0; stream = f.request() {
					if n == 0 && first {
						first = false
						send(f, stream)
					} else {
						f.answer(stream)
					}
				}
			})
			f, c := grpcFront(t, setup{instances: []string{address}})
			if _, err := c.say(withPatience(t), "hello"); err == nil {
				t.Error("no error")
			}
			f.recorded(t, 502)
			if _, err := c.say(withPatience(t), "hello"); err != nil {
				t.Errorf("the next call: %v; log: %s", err, f.log)
			}
		})
	}
}
