package forward_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// FuzzResponse: what is forwarded of a response, whatever the client speaks, net/http
// reads as the same response, with the same content and no field that must not pass.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\nContent-Length: 003\nSet-Cookie: b\nConnection: close, X\nX: 1\n\nabc",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X, Connection\n\n1\na\n0\nX: 1\nConnection: Y\nHost: a\n\n",
		"HTTP/1.0 500\ndate: then\nX_Y: 1\n\nabc",
		"HTTP/1.1 204 No Content\nContent-Length: 0\nKeep-Alive: timeout=5\n\n",
		"HTTP/1.1 304 Not Modified\nContent-Length: 9\n\n",
		"HTTP/1.1 426 Upgrade Required\nUpgrade: foo\nConnection: Upgrade\nContent-Length: 0\n\n",
		"HTTP/1.1 103 Early Hints\nLink: b\nConnection: keep-alive\n\n",
	} {
		f.Add(wire(seed), false, false, false)
		f.Add(wire(seed), true, true, true)
	}
	f.Fuzz(func(t *testing.T, message []byte, head, http10, last bool) {
		r := http1.NewResponse(http1.Limits{})
		r.Reset(head, false)
		n, err := r.Parse(message)
		if n == 0 || err != nil {
			return
		}
		if r.Informational() {
			sameInterim(t, r)
			return
		}
		to := forward.Client{HTTP10: http10, Last: last}
		stream, delivery := forward.AppendResponse(nil, r, to, []byte("now"))
		if last && !delivery.Last || delivery.UntilClose && !delivery.Last || http10 && delivery.Chunked {
			t.Errorf("%+v to %+v", delivery, to)
		}
		body := r.Body()
		body.SplitTrailer = true
		var trailer []byte
		payload, _, err := forward.Decode(&body, bytes.Clone(message[n:]), &trailer)
		if err != nil || body.End() != nil {
			return
		}
		trailers := delivery.Chunked && forward.HasTrailer(trailer)
		stream = forward.AppendContent(stream, payload, delivery.Chunked, !trailers)
		if trailers {
			stream = forward.AppendTrailer(stream, trailer)
		}
		sameResponse(t, r, stream, payload, delivery, to, head)
	})
}

// sameInterim compares what net/http reads of an informational response.
func sameInterim(t *testing.T, r *http1.Response) {
	t.Helper()
	stream := forward.AppendInterim(nil, r)
	got, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(stream[bytes.IndexByte(stream, '\n')+1:]))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("net/http refuses what is forwarded: %v\n%q", err, stream)
	}
	if want := wantResponse(r); !reflect.DeepEqual(passing(http.Header(got)), want) {
		t.Errorf("fields %q, want %q", got, want)
	}
}

// sameResponse compares what net/http reads of a forwarded response with the
// original.
func sameResponse(t *testing.T, r *http1.Response, stream, payload []byte, delivery forward.Delivery, to forward.Client, head bool) {
	t.Helper()
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	source := bufio.NewReader(bytes.NewReader(stream))
	got, err := http.ReadResponse(source, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("net/http refuses what is forwarded: %v\n%q", err, stream)
	}
	defer got.Body.Close()
	if status := strconv.Itoa(r.Status) + " " + string(r.Reason); got.StatusCode != r.Status || strings.TrimSpace(got.Status) != strings.TrimSpace(status) {
		t.Errorf("status %q, want %q", got.Status, status)
	}
	content, err := io.ReadAll(got.Body)
	if err != nil || !bytes.Equal(content, payload) || source.Buffered() > 0 {
		t.Errorf("content %q, %v, %d bytes more; want %q", content, err, source.Buffered(), payload)
	}
	if !to.HTTP10 && got.Close != delivery.Last {
		t.Errorf("net/http expects the end: %t; %+v", got.Close, delivery)
	}
	want := wantResponse(r)
	if len(want["Date"]) == 0 {
		want.Set("Date", "now")
	}
	if r.Status == http.StatusUpgradeRequired && !to.HTTP10 {
		if v := headerOf(r.Fields)["Upgrade"]; v != nil {
			want["Upgrade"] = v
		}
	}
	got.Header.Del("Connection")
	if !reflect.DeepEqual(passing(got.Header), want) {
		t.Errorf("fields %q, want %q", got.Header, want)
	}
}

// wantResponse is the rule for the fields of a response, in other words than those of
// the package.
func wantResponse(r *http1.Response) http.Header {
	all := headerOf(r.Fields)
	return passing(withoutHop(all, all["Connection"]))
}
