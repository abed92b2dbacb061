package forward_test

import (
	"errors"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// TestAppendContent: payload in chunks and as it is.
func TestAppendContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		payload       string
		chunked, last bool
		want          string
	}{
		{"abc", false, false, "abc"},
		{"abc", false, true, "abc"},
		{"", false, true, ""},
		{"abc", true, false, "3\r\nabc\r\n"},
		{"abc", true, true, "3\r\nabc\r\n0\r\n\r\n"},
		{"", true, false, ""},
		{"", true, true, "0\r\n\r\n"},
	} {
		if got := string(forward.AppendContent([]byte("<"), []byte(c.payload), c.chunked, c.last)); got != "<"+c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// TestDecode: payload and trailer section are taken out of chunks, however the bytes
// arrive, and what follows the message is left alone.
func TestDecode(t *testing.T) {
	t.Parallel()
	const message, next = "5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX: 1\r\nY:2\r\n\r\n", "GET /"
	for size := 1; size <= len(message)+len(next); size++ {
		r := parseResponse(t, "GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n")
		body := r.Body()
		body.SplitTrailer = true
		stream, content, trailer := []byte(message+next), "", []byte{}
		for !body.Done() {
			piece := stream[:min(size, len(stream))]
			payload, used, err := forward.Decode(&body, piece, &trailer)
			if err != nil || used < len(piece) && !body.Done() {
				t.Fatalf("size %d: %d of %d bytes used, %v", size, used, len(piece), err)
			}
			content += string(payload)
			stream = stream[used:]
		}
		if content != "hello world" || string(trailer) != "X: 1\r\nY:2\r\n\r\n" || string(stream) != next {
			t.Errorf("size %d: content %q, trailer %q, rest %q", size, content, trailer, stream)
		}
	}
}

// TestDecodeFails: a violation ends the content.
func TestDecodeFails(t *testing.T) {
	t.Parallel()
	r := parseRequest(t, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
	body := r.Body()
	payload, _, err := forward.Decode(&body, []byte("1\r\na\r\nz"), nil)
	if _, ok := errors.AsType[*http1.Error](err); !ok || payload != nil {
		t.Errorf("payload %q, %v", payload, err)
	}
}

// TestAppendTrailer: of a trailer section only what is for the client passes.
func TestAppendTrailer(t *testing.T) {
	t.Parallel()
	for section, want := range map[string]string{
		"":                             "0\n\n",
		"\n":                           "0\n\n",
		"X: 1\nx:2\nEmpty:\n\n":        "0\nX: 1\nx: 2\nEmpty: \n\n",
		"Server-Timing: a;b:c \t\n\n":  "0\nServer-Timing: a;b:c\n\n",
		"Content-Length: 1\nA: 1\n\n":  "0\nA: 1\n\n",
		"Transfer-Encoding: x\n\n":     "0\n\n",
		"Host: a\nTE: b\nTrailer: c\n": "0\n\n",
		"Connection: A\nA: 1\n\n":      "0\nA: 1\n\n",
		"Content-Type: a\nContent-Range: b\nX-Forwarded-For: c\nForwarded: d\nKeep-Alive: e\nUpgrade: f\n\n": "0\n\n",
	} {
		if got := text(forward.AppendTrailer(nil, wire(section))); got != want {
			t.Errorf("%q: got %q, want %q", section, got, want)
		}
	}
	for range forward.Trailers(wire("A: 1\nB: 2\n\n")) {
		break // it must end there
	}
}

// TestHasTrailer: an empty section needs no other end than the last chunk.
func TestHasTrailer(t *testing.T) {
	t.Parallel()
	for section, want := range map[string]bool{"": false, "\r\n": false, "A:\r\n\r\n": true} {
		if got := forward.HasTrailer([]byte(section)); got != want {
			t.Errorf("%q: %t, want %t", section, got, want)
		}
	}
}
