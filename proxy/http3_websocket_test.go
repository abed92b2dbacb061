package proxy_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestHTTP3WebSocket checks that a WebSocket over HTTP/3 (RFC 9220) is carried, and that one
// where there is a page is refused, as another protocol is.
func TestHTTP3WebSocket(t *testing.T) {
	t.Parallel()
	heads := make(chan []string, 2)
	f := newProxy3(t, setup{instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
		head := p.Head()
		heads <- head
		if head[0] != "GET /socket HTTP/1.1" {
			p.Send("HTTP/1.1 200 OK\nContent-Length: 4\n\npage")
			return
		}
		p.Send("HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\nSec-WebSocket-Accept: x\n\nhello")
		_, _ = io.Copy(p, p.R)
	})}})
	conn, err := f.dial3(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := (&h3.Transport{}).NewClientConn(conn)
	open := func(protocol, path string) (*h3.RequestStream, *http.Response) {
		t.Helper()
		stream, err := client.OpenRequestStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{Method: http.MethodConnect, Proto: protocol, URL: to, Host: to.Host, Header: http.Header{"Sec-Websocket-Version": {"13"}}}
		if err := stream.SendRequestHeader(r); err != nil {
			t.Fatal(err)
		}
		res, err := stream.ReadResponse()
		if err != nil {
			t.Fatal(err)
		}
		return stream, res
	}
	stream, res := open("websocket", "/socket")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	for _, text := range []string{"", "some", "more"} {
		if _, err := io.WriteString(stream, text); err != nil {
			t.Fatal(err)
		}
		want := text
		if text == "" {
			want = "hello"
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_ = stream.Close()
	f.recorded(t, http.StatusSwitchingProtocols)
	if _, res := open("websocket", "/page"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d for a page", res.StatusCode)
	}
	f.recorded(t, http.StatusBadRequest)
	if _, res := open("other", "/"); res.StatusCode != http.StatusNotImplemented {
		t.Errorf("status %d for another protocol", res.StatusCode)
	}
	f.recorded(t, http.StatusNotImplemented)
	f.idle(t)
}
