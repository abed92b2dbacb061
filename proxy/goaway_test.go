package proxy_test

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// streamClient is a client of HTTP/2 that sends what it is told to, also after a GOAWAY.
type streamClient struct {
	*proxytest.Peer
	framer *http2.Framer
}

func dialStreams(t *testing.T, address string) *streamClient {
	t.Helper()
	c := proxytest.DialHTTP2(t, address)
	s := &streamClient{Peer: c, framer: http2.NewFramer(c, c.R)}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(c, http1.Preface)
	_ = s.framer.WriteSettings()
	return s
}

// get sends a GET on a stream.
func (s *streamClient) get(stream uint32) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
}

// status returns the status of the response on a stream. All other frames are skipped.
func (s *streamClient) status(t *testing.T, stream uint32) int {
	t.Helper()
	for {
		f, err := s.framer.ReadFrame()
		if err != nil {
			t.Fatalf("stream %d: %v", stream, err)
		}
		if f, ok := f.(*http2.MetaHeadersFrame); ok && f.StreamID == stream {
			code, _ := strconv.Atoi(f.PseudoValue("status"))
			return code
		}
	}
}

// goAway reads until the GOAWAY.
func (s *streamClient) goAway(t *testing.T) {
	t.Helper()
	for {
		f, err := s.framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if f, ok := f.(*http2.GoAwayFrame); ok {
			if f.ErrCode != http2.ErrCodeNo {
				t.Errorf("GOAWAY with %v", f.ErrCode)
			}
			return
		}
	}
}

// TestGoAwayLosesNothing checks that a client of HTTP/2 is asked to leave before its idle
// connection is closed, and that a request that it sent meanwhile gets its response.
func TestGoAwayLosesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, f *front){
		"another client waits": func(t *testing.T, f *front) { proxytest.Dial(t, f.address).Send("GET / HTTP/1.1\nHost: a\n\n") },
		"shutdown": func(t *testing.T, f *front) {
			down := make(chan error, 1)
			go func() { down <- f.proxy.Shutdown(context.Background()) }()
			t.Cleanup(func() {
				if err := wait(t, down, "Shutdown"); err != nil {
					t.Error(err)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
			c := dialStreams(t, f.address)
			c.get(1)
			if code := c.status(t, 1); code != 200 {
				t.Fatalf("got %d", code)
			}
			end(t, f)
			c.goAway(t)
			c.get(3) // as if it had crossed the GOAWAY
			if code := c.status(t, 3); code != 200 {
				t.Errorf("got %d", code)
			}
			_ = c.Close()
		})
	}
}
