package forward_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// wire returns a message with CRLF for each line end.
func wire(message string) []byte { return []byte(strings.ReplaceAll(message, "\n", "\r\n")) }

// text returns a message with the line ends that wire expects.
func text(message []byte) string { return strings.ReplaceAll(string(message), "\r\n", "\n") }

// parseRequest parses the head of a request.
func parseRequest(t *testing.T, head string) *http1.Request {
	t.Helper()
	r := http1.NewRequest(http1.Limits{})
	if n, err := r.Parse(wire(head)); err != nil || n != len(wire(head)) {
		t.Fatalf("request %q: %d bytes, %v", head, n, err)
	}
	return r
}

// parseResponse parses the head of a response to a request of the given method,
// which may have asked to switch protocols.
func parseResponse(t *testing.T, method, head string) *http1.Response {
	t.Helper()
	r := http1.NewResponse(http1.Limits{})
	r.Reset(method == "HEAD", true)
	if n, err := r.Parse(wire(head)); err != nil || n != len(wire(head)) {
		t.Fatalf("response %q: %d bytes, %v", head, n, err)
	}
	return r
}
