package http1_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestRequestReset: nothing of one request is left in the next.
func TestRequestReset(t *testing.T) {
	t.Parallel()
	r := http1.NewRequest(http1.Limits{})
	for _, text := range []string{
		"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nConnection: upgrade, x\nUpgrade: y\nExpect: 100-continue\n\n",
		"POST http://u@b/ HTTP/1.1\nHost: a\n\n",
		"POST / HTTP/1.1\nHost: a\nContent-Length: 1\nX", // incomplete
		"\n",
	} {
		_, _ = r.Parse(wireText(text))
		r.Reset()
		if n, err := r.Parse(wireText("GET / HTTP/1.1\nHost: b\nContent-Length: 0\nX: y\n\n")); n == 0 || err != nil {
			t.Fatalf("after %q: %d, %v", text, n, err)
		}
		body := r.Body()
		if string(r.Method) != "GET" || string(r.Host) != "b" || r.Framing != http1.Sized || r.Length != 0 || !body.Done() ||
			!r.KeepAlive || r.Continue || r.Upgrade != nil || len(r.Fields) != 3 || dropped(r.Fields) != nil {
			t.Errorf("after %q: %+v", text, r)
		}
		r.Reset()
	}
}

func TestPreface(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"": {false, true}, "P": {false, true}, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r": {false, true},
		http1.Preface: {true, false}, http1.Preface + "x": {true, false}, "POST": {false, false}, "PRI * HTTP/1.1": {false, false},
	} {
		if has, may := http1.HasPreface([]byte(text)); [2]bool{has, may} != want {
			t.Errorf("%q: %t, %t, want %v", text, has, may, want)
		}
	}
}
