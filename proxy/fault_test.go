package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

func TestFaultOf(t *testing.T) {
	dial := func(err error) error {
		return fmt.Errorf("wrapped: %w", &connectError{&net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}, Err: err}})
	}
	for _, c := range []struct {
		err     error
		trouble string
		want    fault
	}{
		{context.Canceled, "", fault{499, "client closed the request", "", 0}},
		{registry.ErrQueueFull, "", fault{503, "no instance available", registry.ErrQueueFull.Error(), retrySoon}},
		{registry.ErrQueueTimeout, "", fault{503, "no instance available", registry.ErrQueueTimeout.Error(), retryLater}},
		{registry.ErrQueueTimeout, "no bun", fault{503, "no instance available", "no bun", retryLate}},
		{registry.ErrClosed, "", fault{503, "no instance available", "shutting down", retryLater}},
		{dial(syscall.ECONNREFUSED), "no bun", fault{502, "the instance cannot be reached", "connection refused", 0}},
		{dial(context.DeadlineExceeded), "", fault{502, "the instance cannot be reached", "connection timed out", 0}},
		{dial(syscall.EMFILE), "", fault{503, "the load balancer cannot open a connection", "too many open files", retrySoon}},
		{dial(syscall.EADDRNOTAVAIL), "", fault{503, "the load balancer cannot open a connection", "cannot assign requested address", retrySoon}},
		{&brokenError{cause: context.DeadlineExceeded, sent: true}, "", fault{504, "the instance did not respond in time", "", 0}},
		{&brokenError{cause: io.EOF, sent: true}, "", fault{502, "the instance closed the connection without a response", "", 0}},
		{&brokenError{cause: io.ErrUnexpectedEOF, sent: true, received: true}, "", fault{502, "the instance closed the connection in the middle of the response header", "", 0}},
		{&brokenError{cause: errBadStatus, sent: true, received: true}, "", fault{502, "the instance sent an invalid response", "", 0}},
		{errConnect, "", fault{501, "method not supported", errConnect.Error(), 0}},
		{errTrace, "", fault{405, "method not allowed", errTrace.Error(), 0}},
		{errors.New("odd"), "", fault{400, "the request cannot be forwarded", "", 0}},
	} {
		if got := faultOf(c.err, c.trouble); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}

// TestFaultWrite: a reason with quotes and markup is still JSON.
func TestFaultWrite(t *testing.T) {
	w := httptest.NewRecorder()
	fault{code: 503, message: "no instance available", reason: "\"<bun>\"\n", retryAfter: retryLater}.write(w)
	res := w.Result()
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if got := string(body); got != `{"error":"no instance available","reason":"\"\u003cbun\u003e\"\n"}`+"\n" {
		t.Errorf("body %s", got)
	}
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "5" || res.ContentLength != int64(len(body)) {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestPeerIP(t *testing.T) {
	for addr, want := range map[string]string{
		"1.2.3.4:56": "1.2.3.4", "[::1]:56": "::1", "[fe80::1%eth0]:56": "fe80::1", "@": "", "": "", "1.2.3.4": "",
	} {
		if got := peerIP(addr); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}
