package proxy_test

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// exchangeStream sends one request of HTTP/2, of which nothing is checked, and
// returns the status of the response, or 0 when the stream or the connection is
// broken off.
func exchangeStream(t *testing.T, address string, fields [][2]string, data string, end bool) int {
	t.Helper()
	c := proxytest.DialHTTP2(t, address)
	defer c.Close()
	framer := http2.NewFramer(c, c.R)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(c, http1.Preface)
	_ = framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	const frame = 16 << 10
	first := block.Next(frame)
	_ = framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: first, EndHeaders: block.Len() == 0, EndStream: data == "" && end,
	})
	for block.Len() > 0 {
		_ = framer.WriteContinuation(1, block.Len() <= frame, block.Next(frame))
	}
	if data != "" {
		_ = framer.WriteData(1, end, []byte(data))
	}
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return 0
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			code, _ := strconv.Atoi(f.PseudoValue("status"))
			if code >= 200 {
				return code
			}
		case *http2.RSTStreamFrame:
			return 0
		}
	}
}

// TestInputStreams sends the inputs that HTTP/2 can carry. What is malformed must not
// reach the instance in HTTP/1.1.
func TestInputStreams(t *testing.T) {
	t.Parallel()
	const refused = 0 // by net/http, one way or the other
	field := func(name, value string) [][2]string { return [][2]string{{name, value}} }
	repeat := strings.Repeat
	many := make([][2]string, 150)
	for i := range many {
		many[i] = [2]string{"x-" + strconv.Itoa(i), "a"}
	}
	for _, c := range []struct {
		id                        string
		method, target, authority string
		fields                    [][2]string
		want                      int
		check                     func(r witnessed) bool
	}{
		{"F03", "GET", "/", "a", [][2]string{{"content-length", "0"}, {"content-length", "31"}}, refused, nil},
		{"F06", "GET", "/", "a", field("content-length", "+1"), refused, nil},
		{"F28", "GET", "/", "a", field("transfer_encoding", "chunked"), 200, func(r witnessed) bool {
			return r.header["Transfer_encoding"] == nil && r.length == 0
		}},
		{"F32", "GET", "/", "a", field("transfer-encoding", "chunked"), refused, nil},
		{"H02", "GET", "/", "a", field("x", "a\rb"), refused, nil},
		{"H03", "GET", "/", "a", field("x", "a\x00b"), refused, nil},
		{"H05", "GET", "/", "a", field("x", "a\x01b"), refused, nil},
		{"H06", "GET", "/", "a", field("x", "a\x7fb"), refused, nil},
		{"H07", "GET", "/", "a", field("x", "a\xffb"), 200, func(r witnessed) bool { return r.header.Get("X") == "a\xffb" }},
		{"H08", "GET", "/", "a", field("x\x85", "a"), refused, nil},
		{"H09", "GET", "/", "a", field("x y", "a"), refused, nil},
		{"H10", "GET", "/", "a", field("", "a"), refused, nil},
		{"H12", "GET", "/", "a", field("x ", "a"), refused, nil},
		{"H14", "GET", "/", "a", field("x", "a\r\n b"), refused, nil},
		{"H16", "GET", "/", "a", field("x_forwarded_for", "6.6.6.6"), 200, func(r witnessed) bool {
			return r.header["X_forwarded_for"] == nil && r.header.Get("X-Forwarded-For") == "127.0.0.1"
		}},
		{"H18", "GET", "/", "a", field("host", "b"), refused, nil},
		{"H18", "GET", "/", "a", [][2]string{{"host", "a"}, {"host", "a"}}, refused, nil},
		{"host repeats the authority", "GET", "/", "a", field("host", "a"), 200, nil}, // RFC 9113, 8.3.1
		{"host for the authority", "GET", "/", "", field("host", "a"), 200, nil},
		{"H20", "GET", "/", "", nil, 400, nil},
		{"H21", "GET", "/", "a b", nil, refused, nil},
		{"H22", "GET", "/", "a/b", nil, 400, nil},
		{"H23", "GET", "/", "u@a", nil, refused, nil},
		{"H24", "GET", "/", "a,b", nil, 400, nil},
		{"H25", "GET", "/", "a:99999", nil, 400, nil},
		{"H26", "GET", "/", "[::1", nil, 400, nil},
		{"H27", "GET", "/", "a\\b", nil, refused, nil},
		{"H28", "GET", "/", "a?b", nil, 400, nil},
		{"H29", "GET", "/", "a#b", nil, refused, nil},
		{"H33", "GET", "/", "a", many, 431, nil},
		{"H34", "GET", "/", "a", field("x", repeat("a", 40000)), 431, nil},
		{"H35", "GET", "/", "a", [][2]string{{"connection", "x-a"}, {"x-a", "1"}}, refused, nil},
		{"H38", "GET", "/", "a", field("keep-alive", "5"), refused, nil},
		{"H38", "GET", "/", "a", field("proxy-connection", "x"), refused, nil},
		{"H38", "GET", "/", "a", field("te", "gzip"), refused, nil},
		{"H38", "GET", "/", "a", field("proxy-authorization", "x"), 200, func(r witnessed) bool { return r.header["Proxy-Authorization"] == nil }},
		{"H39", "GET", "/", "a", field("x-forwarded-for", "6.6.6.6"), 200, func(r witnessed) bool {
			return len(r.header["X-Forwarded-For"]) == 1 && r.header.Get("X-Forwarded-For") == "127.0.0.1"
		}},
		{"H40", "GET", "/", "a", field("expect", "200-ok"), 417, nil},
		{"R07", "G@T", "/", "a", nil, refused, nil},
		{"R08", "get", "/", "a", nil, 200, func(r witnessed) bool { return r.method == "get" }},
		{"R09", "FOO", "/", "a", nil, 200, func(r witnessed) bool { return r.method == "FOO" }},
		{"R10", "GET", "/a b", "a", nil, 400, nil},
		{"R11", "GET", "/\x00", "a", nil, refused, nil},
		{"R12", "GET", "/\x80", "a", nil, 400, nil},
		{"R13", "GET", "admin", "a", nil, refused, nil},
		{"R14", "GET", "*", "a", nil, 400, nil},
		{"R15", "OPTIONS", "*", "a", nil, 200, func(r witnessed) bool { return r.target == "*" }},
		{"R17", "GET", "/a#b", "a", nil, 400, nil},
		{"R21", "GET", "/a/../b;c?x=1;y=2", "a", nil, 200, func(r witnessed) bool { return r.target == "/a/../b;c?x=1;y=2" }},
		{"R22", "GET", "/" + repeat("a", 10000), "a", nil, 414, nil},
		{"R23", "TRACE", "/", "a", nil, 405, nil},
		{"U04", "GET", "/", "a", field("upgrade", "websocket"), refused, nil},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			instance := &witness{}
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}})
			fields := [][2]string{{":method", c.method}, {":scheme", "http"}, {":path", c.target}, {":authority", c.authority}}
			got := exchangeStream(t, f.address, append(fields, c.fields...), "", true)
			if got != c.want && (c.want != refused || got != 400) {
				t.Errorf("got %d, want %d", got, c.want)
			}
			n, requests := instance.seen()
			if c.want != 200 && n > 0 {
				t.Errorf("%d bytes reached the instance", n)
			}
			if c.want == 200 && (len(requests) != 1 || requests[0].host != "a" || c.check != nil && !c.check(requests[0])) {
				t.Errorf("the instance got %+v", requests)
			}
			f.idle(t)
		})
	}
}

// TestInputStreamConnect checks that CONNECT is refused over HTTP/2 too.
func TestInputStreamConnect(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	if got := exchangeStream(t, f.address, [][2]string{{":method", "CONNECT"}, {":authority", "a:80"}}, "", true); got != 501 {
		t.Errorf("got %d", got)
	}
}

// TestInputStreamSlow checks that content that does not go on is answered with 408.
func TestInputStreamSlow(t *testing.T) {
	t.Parallel()
	instance := &witness{}
	f := newProxy(t, setup{
		instances: []string{proxytest.Script(t, instance.talk)},
		options:   proxy.Options{Settings: proxy.Settings{BodyTimeout: 100 * time.Millisecond}},
	})
	fields := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"content-length", "9"}}
	if got := exchangeStream(t, f.address, fields, "abc", false); got != 408 {
		t.Errorf("got %d", got)
	}
	f.recorded(t, 408)
	f.idle(t)
}
