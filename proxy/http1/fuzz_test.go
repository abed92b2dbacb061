package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"reflect"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// FuzzRequest: net/http reads every accepted request as the same request, and
// finds the next one in the same place. It makes no difference whether the bytes
// arrive one at a time.
func FuzzRequest(f *testing.F) {
	for _, in := range inputs(f) {
		if len(in.Request) < 4096 { // longer ones slow the search down
			f.Add([]byte(in.Request))
		}
	}
	f.Add(browserHead)
	for _, seed := range moreRequests {
		f.Add(wireText(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := readRequests(t, stream, len(stream)+1)
		if len(stream) < 4096 {
			if pieces := readRequests(t, stream, 1); !reflect.DeepEqual(whole, pieces) {
				t.Errorf("at once %+v\nin pieces %+v", whole, pieces)
			}
		}
		r := http1.NewRequest(http1.Limits{})
		for len(stream) > 0 {
			r.Reset()
			n, err := r.Parse(stream)
			if n == 0 || err != nil {
				return
			}
			body := r.Body()
			used, payload, err := readBody(&body, stream[n:], len(stream))
			if err != nil {
				return
			}
			other := newOracle(bytes.TrimPrefix(stream, []byte("\r\n")))
			sameRequest(t, r, other)
			sameContent(t, payload, body.Done(), other.request.Body, other)
			if !body.Done() {
				return
			}
			if stream = stream[n+used:]; other.left() != len(stream) {
				t.Fatalf("%d bytes are left, net/http leaves %d", len(stream), other.left())
			}
		}
	})
}

// moreRequests are seeds for what the inputs do not have.
var moreRequests = []string{
	"GET / HTTP/1.0\nConnection: keep-alive, x\nX:\n\nGET http://[::1]:80?a HTTP/1.1\nHost: [::ffff:1.2.3.4]\n\n",
	"POST /%41?%%% HTTP/1.1\nHost: a:\nPragma: no-cache\nTrailer: X, Y\nTransfer-Encoding: chunked\n\n1;a=\"b\"\nZ\n0\nX: y\nY:\n\n",
	"OPTIONS HTTPS://a.b HTTP/1.1\nhost: c\nConnection: , ,close\nTE:\ttrailers \t\n\n",
	"CONNECT [::1]:443 HTTP/1.1\nHost: x\n\n",
}

// oracle is net/http's reader of the same bytes.
type oracle struct {
	source  *bytes.Reader
	buffer  *bufio.Reader
	request *http.Request
}

func newOracle(stream []byte) *oracle {
	o := &oracle{source: bytes.NewReader(stream)}
	o.buffer = bufio.NewReaderSize(o.source, 4096)
	return o
}

// left returns the number of bytes that it has not read.
func (o *oracle) left() int { return o.source.Len() + o.buffer.Buffered() }

// sameRequest compares the head of a request with what net/http reads.
func sameRequest(t *testing.T, r *http1.Request, o *oracle) {
	t.Helper()
	q, err := http.ReadRequest(o.buffer)
	if err != nil {
		t.Fatalf("net/http refuses it: %v", err)
	}
	o.request = q
	if q.Method != string(r.Method) || q.RequestURI != string(r.Target) || q.Host != string(r.Host) {
		t.Errorf("%s %s for %s, to net/http %s %s for %s", r.Method, r.Target, r.Host, q.Method, q.RequestURI, q.Host)
	}
	if q.ProtoMajor != 1 || q.ProtoMinor != r.Minor || q.Close == r.KeepAlive {
		t.Errorf("HTTP/1.%d, keep-alive %t, to net/http %s, close %t", r.Minor, r.KeepAlive, q.Proto, q.Close)
	}
	length := map[http1.Framing]int64{http1.NoContent: 0, http1.Sized: r.Length, http1.Chunked: -1}[r.Framing]
	if q.ContentLength != length || (len(q.TransferEncoding) > 0) != (r.Framing == http1.Chunked) {
		t.Errorf("framing %v, length %d, to net/http %d %q", r.Framing, r.Length, q.ContentLength, q.TransferEncoding)
	}
	sameFields(t, r.Fields, q.Header, "Host", "Transfer-Encoding", "Trailer", "Cache-Control")
}

// sameFields compares fields, except those that net/http moves elsewhere.
func sameFields(t *testing.T, fields []http1.Field, got http.Header, except ...string) {
	t.Helper()
	want := http.Header{}
	for _, f := range fields {
		key := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		want[key] = append(want[key], string(f.Value))
	}
	for _, key := range except {
		delete(want, key)
		delete(got, key)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("fields %q, to net/http %q", want, got)
	}
}

// sameContent compares content. If it is incomplete, net/http must report that.
func sameContent(t *testing.T, payload string, done bool, body io.Reader, o *oracle) {
	t.Helper()
	got, err := io.ReadAll(body)
	if string(got) != payload {
		t.Fatalf("payload %q, to net/http %q", payload, got)
	}
	if done != (err == nil) {
		t.Fatalf("complete %t, to net/http %v, with %d bytes left", done, err, o.left())
	}
}

// FuzzChunks: accepted chunks have the payload that net/http finds in them, and
// the chunks that are written for a payload have that payload.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{
		"5\nhello\n0\n\n", "0\n\n", "1;x=\"y\"\na\n00a\n0123456789\n0;z\nA: b\n\n", "fFfF\n", "5\nhel",
	} {
		f.Add(wireText(seed), 3)
	}
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		body := chunkedBody(t)
		_, payload, err := readBody(&body, stream, len(stream)+1)
		if err == nil {
			got, _ := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(stream)))
			if string(got) != payload {
				t.Errorf("payload %q, to net/http %q", payload, got)
			}
		}
		pieces := chunkedBody(t)
		if _, again, err2 := readBody(&pieces, stream, 1); again != payload || status(t, err2) != status(t, err) {
			t.Errorf("at once %q, %v; in pieces %q, %v", payload, err, again, err2)
		}

		var sent []byte
		size = max(1, size)
		for rest := stream; len(rest) > 0; {
			chunk := rest[:min(size, len(rest))]
			rest = rest[len(chunk):]
			sent = append(http1.AppendChunkSize(sent, len(chunk)), chunk...)
			sent = append(sent, http1.ChunkEnd...)
		}
		sent = append(sent, http1.LastChunk...)
		body = chunkedBody(t)
		if n, got, err := readBody(&body, sent, len(sent)); n != len(sent) || got != string(stream) || err != nil || !body.Done() {
			t.Errorf("sent %q, got %q, %v", stream, got, err)
		}
	})
}

// chunkedBody returns the Body of a request in chunks.
func chunkedBody(t testing.TB) http1.Body {
	t.Helper()
	r := http1.NewRequest(http1.Limits{})
	if _, err := r.Parse(wireText("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")); err != nil {
		t.Fatal(err)
	}
	return r.Body()
}

// FuzzResponse: net/http reads every accepted response as the same response.
func FuzzResponse(f *testing.F) {
	for _, in := range inputs(f) {
		if in.Response != nil && len(in.Response) < 4096 {
			f.Add([]byte(in.Response), false)
		}
	}
	f.Add(responseHead, true)
	for _, seed := range []string{
		"HTTP/1.0 200\nConnection: keep-alive\nContent-Length: 0\n\n", "HTTP/1.1 304 \nContent-Length: 5\n\n",
		"HTTP/1.1 999 \t\nTransfer-Encoding: chunked\nTrailer: X\n\n1\nZ\n0\nX: y\n\n", "HTTP/1.1 204 No\nContent-Length: 0\n\n",
	} {
		f.Add(wireText(seed), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, head bool) {
		whole := readResponses(t, stream, len(stream)+1, head)
		if len(stream) < 4096 {
			if pieces := readResponses(t, stream, 1, head); !reflect.DeepEqual(whole, pieces) {
				t.Errorf("at once %+v\nin pieces %+v", whole, pieces)
			}
		}
		r := http1.NewResponse(http1.Limits{})
		for {
			r.Reset(head, true)
			n, err := r.Parse(stream)
			if n == 0 || err != nil {
				return
			}
			body := r.Body()
			used, payload, err := readBody(&body, stream[n:], len(stream))
			if err != nil {
				return
			}
			other := newOracle(stream)
			res := sameResponse(t, r, other, head)
			done := body.End() == nil
			sameContent(t, payload, done, res.Body, other)
			if stream = stream[n+used:]; done && other.left() != len(stream) {
				t.Fatalf("%d bytes are left, net/http leaves %d", len(stream), other.left())
			}
			if !r.Informational() {
				return
			}
		}
	})
}

// sameResponse compares the head of a response with what net/http reads.
func sameResponse(t *testing.T, r *http1.Response, o *oracle, head bool) *http.Response {
	t.Helper()
	request := &http.Request{Method: http.MethodGet}
	if head {
		request.Method = http.MethodHead
	}
	res, err := http.ReadResponse(o.buffer, request)
	if err != nil {
		t.Fatalf("net/http refuses it: %v", err)
	}
	if res.StatusCode != r.Status || res.ProtoMajor != 1 || res.ProtoMinor != r.Minor || res.Close && r.KeepAlive {
		t.Errorf("HTTP/1.%d %d, keep-alive %t, to net/http %s %d, close %t",
			r.Minor, r.Status, r.KeepAlive, res.Proto, res.StatusCode, res.Close)
	}
	chunked := len(res.TransferEncoding) > 0
	if r.Framing == http1.Sized && res.ContentLength != r.Length || r.Framing == http1.Chunked && !chunked {
		t.Errorf("framing %v, length %d, to net/http %d %q", r.Framing, r.Length, res.ContentLength, res.TransferEncoding)
	}
	sameFields(t, r.Fields, res.Header, "Transfer-Encoding", "Trailer", "Connection", "Cache-Control")
	return res
}
