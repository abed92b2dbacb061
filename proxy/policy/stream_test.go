package policy_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

func TestIsStream(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n":                true,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n":                                              true,
		"HTTP/1.1 200 OK\r\ncontent-TYPE: Text/Event-Stream ;charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n": true,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n":                                             false,
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n":                                                      false,
		"HTTP/1.1 200 OK\r\n\r\n": false,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 3\r\n\r\n":       false,
		"HTTP/1.1 204 No Content\r\nContent-Type: text/event-stream\r\n\r\n":                    false,
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n": true,
	} {
		r := http1.NewResponse(http1.Limits{})
		r.Reset(false, true)
		if _, err := r.Parse([]byte(head)); err != nil {
			t.Fatal(err)
		}
		if got := policy.IsStream(r); got != want {
			t.Errorf("%q: %v, want %v", head, got, want)
		}
	}
}
