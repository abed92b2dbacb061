package forward_test

import (
	"fmt"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

var (
	kept    = forward.Client{}
	last    = forward.Client{Last: true}
	old     = forward.Client{HTTP10: true}
	oldLast = forward.Client{HTTP10: true, Last: true}
)

// TestAppendResponse is the rule for each part of a final response, case by case.
func TestAppendResponse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, head string
		to                 forward.Client
		want               string
		delivery           forward.Delivery
	}{
		{
			"with a length", "GET", "HTTP/1.1 200 OK\nContent-Length: 002\nX: 1\nx: 2\n\n", kept,
			"HTTP/1.1 200 OK\nContent-Length: 2\nX: 1\nx: 2\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"the instance's date", "GET", "HTTP/1.1 200 OK\ndate: then\nContent-Length: 2\n\n", kept,
			"HTTP/1.1 200 OK\ndate: then\nContent-Length: 2\n\n",
			forward.Delivery{},
		},
		{
			"the last one", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\n", last,
			"HTTP/1.1 200 OK\nContent-Length: 2\nDate: now\nConnection: close\n\n",
			forward.Delivery{Last: true},
		},
		{
			"the instance closes, the client stays", "GET", "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\n", kept,
			"HTTP/1.1 200 OK\nContent-Length: 2\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"from HTTP/1.0, without a reason", "GET", "HTTP/1.0 299 \nContent-Length: 2\n\n", kept,
			"HTTP/1.1 299 \nContent-Length: 2\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"chunked", "GET", "HTTP/1.1 200 OK\ntransfer-encoding: chunked\ntrailer: X\n\n", kept,
			"HTTP/1.1 200 OK\nDate: now\nTransfer-Encoding: chunked\nTrailer: X\n\n",
			forward.Delivery{Chunked: true},
		},
		{
			"until close becomes chunked", "GET", "HTTP/1.1 200 OK\n\n", kept,
			"HTTP/1.1 200 OK\nDate: now\nTransfer-Encoding: chunked\n\n",
			forward.Delivery{Chunked: true},
		},
		{
			"chunked to HTTP/1.0", "GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X\n\n", old,
			"HTTP/1.1 200 OK\nDate: now\n\n",
			forward.Delivery{UntilClose: true, Last: true},
		},
		{
			"until close to HTTP/1.0", "GET", "HTTP/1.1 200 OK\n\n", old,
			"HTTP/1.1 200 OK\nDate: now\n\n",
			forward.Delivery{UntilClose: true, Last: true},
		},
		{
			"HTTP/1.0 gets keep-alive", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\n", old,
			"HTTP/1.1 200 OK\nContent-Length: 2\nDate: now\nConnection: keep-alive\n\n",
			forward.Delivery{},
		},
		{
			"HTTP/1.0 leaves unless told otherwise", "GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\n", oldLast,
			"HTTP/1.1 200 OK\nContent-Length: 2\nDate: now\n\n",
			forward.Delivery{Last: true},
		},
		{
			"to HEAD", "HEAD", "HTTP/1.1 200 OK\nContent-Length: 09\n\n", kept,
			"HTTP/1.1 200 OK\nContent-Length: 9\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"304 keeps its length", "GET", "HTTP/1.1 304 Not Modified\nContent-Length: 9\nETag: b\n\n", kept,
			"HTTP/1.1 304 Not Modified\nContent-Length: 9\nETag: b\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"204 has no length", "GET", "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", kept,
			"HTTP/1.1 204 No Content\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"hop-by-hop fields do not pass", "GET", "HTTP/1.1 407 No\nContent-Length: 0\nKeep-Alive: timeout=5\nProxy-Authenticate: x\nProxy-Connection: close\nTE: x\nUpgrade: h2\nTrailer: X\n\n", kept,
			"HTTP/1.1 407 No\nContent-Length: 0\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"fields that Connection names beside close do not pass", "GET", "HTTP/1.1 200 OK\nX-A: 1\nConnection: close, x-a\nConnection: X-B\nX-B: 1\nContent-Length: 0\n\n", kept,
			"HTTP/1.1 200 OK\nContent-Length: 0\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"fields with an underscore pass", "GET", "HTTP/1.1 200 OK\nX_A: 1\nContent-Length: 0\n\n", kept,
			"HTTP/1.1 200 OK\nX_A: 1\nContent-Length: 0\nDate: now\n\n",
			forward.Delivery{},
		},
		{
			"426 keeps its Upgrade", "GET", "HTTP/1.1 426 Upgrade Required\nUpgrade: foo/2, bar\nConnection: upgrade\nContent-Length: 0\n\n", kept,
			"HTTP/1.1 426 Upgrade Required\nContent-Length: 0\nDate: now\nUpgrade: foo/2, bar\nConnection: Upgrade\n\n",
			forward.Delivery{},
		},
		{
			"426 as the last one", "GET", "HTTP/1.1 426 Upgrade Required\nUpgrade: foo\nConnection: upgrade\nContent-Length: 0\n\n", last,
			"HTTP/1.1 426 Upgrade Required\nContent-Length: 0\nDate: now\nUpgrade: foo\nConnection: Upgrade\nConnection: close\n\n",
			forward.Delivery{Last: true},
		},
		{
			"426 to HTTP/1.0, which cannot upgrade", "GET", "HTTP/1.1 426 Upgrade Required\nUpgrade: foo\nConnection: upgrade\nContent-Length: 0\n\n", old,
			"HTTP/1.1 426 Upgrade Required\nContent-Length: 0\nDate: now\nConnection: keep-alive\n\n",
			forward.Delivery{},
		},
		{
			"426 without what to upgrade to", "GET", "HTTP/1.1 426 Upgrade Required\nContent-Length: 0\n\n", kept,
			"HTTP/1.1 426 Upgrade Required\nContent-Length: 0\nDate: now\n\n",
			forward.Delivery{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, delivery := forward.AppendResponse(nil, parseResponse(t, c.method, c.head), c.to, []byte("now"))
			if text(got) != c.want || delivery != c.delivery {
				t.Errorf("got\n%s%+v\nwant\n%s%+v", text(got), delivery, c.want, c.delivery)
			}
		})
	}
}

// TestAppendInterim: an informational response is cleaned as every message is.
func TestAppendInterim(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"HTTP/1.1 100 Continue\n\n": "HTTP/1.1 100 Continue\n\n",
		"HTTP/1.1 103 Early Hints\nLink: b\nlink: c\nConnection: close, X\nX: 1\nKeep-Alive: 2\nUpgrade: d\nTrailer: e\nContent-Length: 0\n\n": "HTTP/1.1 103 Early Hints\nLink: b\nlink: c\n\n",
	} {
		if got := text(forward.AppendInterim(nil, parseResponse(t, "GET", head))); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// TestFields: a client of HTTP/2 gets the same fields, but for those of the
// connection.
func TestFields(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"HTTP/1.1 200 OK\nA: 1\nConnection: close, B\nB: 2\na: 3\nContent-Length: 007\n\n":                    "[A: 1 a: 3 Content-Length: 7]",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X\nKeep-Alive: 1\n\n":                          "[Trailer: X]",
		"HTTP/1.1 200 OK\nContent-Length: 0\nTrailer: X\nProxy-Connection: close\n\n":                         "[Content-Length: 0]",
		"HTTP/1.1 426 Upgrade Required\nConnection: Upgrade\nUpgrade: foo\nContent-Length: 0\n\n":             "[Content-Length: 0]",
		"HTTP/1.1 103 Early Hints\nLink: b\nConnection: keep-alive, C\nC: 1\nKeep-Alive: 2\nUpgrade: foo\n\n": "[Link: b]",
	} {
		r := parseResponse(t, "GET", head)
		var got []string
		for name, value := range forward.Fields(r) {
			got = append(got, fmt.Sprintf("%s: %s", name, value))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: got %v, want %s", head, got, want)
		}
		for range forward.Fields(r) {
			break // it must end there
		}
	}
}

// TestResponseAllocations: with room enough nothing is allocated.
func TestResponseAllocations(t *testing.T) {
	r := parseResponse(t, "GET", "HTTP/1.1 426 OK\nTransfer-Encoding: chunked\nTrailer: X\nConnection: upgrade, y\nUpgrade: z\nY: 1\n\n")
	b, date := make([]byte, 0, 1024), []byte("now")
	if n := testing.AllocsPerRun(100, func() { forward.AppendResponse(b, r, last, date) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
