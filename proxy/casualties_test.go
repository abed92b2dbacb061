package proxy_test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestCasualtyInResponse checks that a request whose instance ends in the middle of the
// response is known as one that the instance had, and that its client sees that the
// response is not whole.
func TestCasualtyInResponse(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"length":  "HTTP/1.1 200 OK\nContent-Length: 100\n\nabc",
		"chunked": "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n",
		"reset":   "HTTP/1.1 200 OK\nConnection: close\n\nabc",
	} {
		for _, protocol := range []string{"http1", "http2"} {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				if name == "reset" && proxytest.OverUnix {
					t.Skip("a Unix socket has no reset")
				}
				dies := make(chan struct{})
				address := proxytest.Script(t, func(c *proxytest.Peer) {
					_ = c.Head()
					c.Send(head)
					<-dies
					if name == "reset" { // the end of input would be the end of the content
						_ = c.Conn.(*net.TCPConn).SetLinger(0)
					}
				})
				f := newProxy(t, setup{instances: []string{address}})
				res := do(t, newClient(t, protocol), newRequest(t, http.MethodPost, f.url+"/path?query", nil))
				defer res.Body.Close()
				if _, err := io.ReadFull(res.Body, make([]byte, 3)); err != nil {
					t.Fatal(err)
				}
				close(dies)
				if err := f.registry.Ended(f.ids[0], registry.Ending{Reason: "exit status 3", Own: true}); err != nil {
					t.Fatal(err)
				}
				for end := time.Now().Add(patience); f.registry.Casualties(f.ids[0]).Pending > 0 && time.Now().Before(end); {
					time.Sleep(time.Millisecond) // the proxy reads that the connection broke
				}
				lost := f.registry.Casualties(f.ids[0])
				if !slices.Equal(lost.Named, []string{"POST /path"}) || lost.InFlight != 1 {
					t.Errorf("casualties %+v, want POST /path", lost)
				}
				if rest, err := io.ReadAll(res.Body); err == nil {
					t.Errorf("the response ended as a whole: %q", rest)
				}
				f.recorded(t, http.StatusBadGateway)
				f.idle(t)
			})
		}
	}
}
