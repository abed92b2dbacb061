package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestHead checks that a response to HEAD reaches the client, whatever the instance says
// about the content and sends behind the head, and that the next request does, too.
func TestHead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200<<10)
	for name, head := range map[string]string{
		"length":                  "HTTP/1.1 200 OK\nContent-Length: 100\n\n",
		"large length":            "HTTP/1.1 200 OK\nContent-Length: 99999999999\n\n",
		"no length":               "HTTP/1.1 200 OK\n\n",
		"chunked":                 "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
		"chunked with last chunk": "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\n",
		"chunked with content":    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
		"content":                 "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
		"part of the content":     "HTTP/1.1 200 OK\nContent-Length: 30\n\nabc",
		"long content":            "HTTP/1.1 200 OK\nContent-Length: 204800\n\n" + long,
		"old version":             "HTTP/1.0 200 OK\n\n",
		"old version, content":    "HTTP/1.0 200 OK\nContent-Length: 3\n\nabc",
		"close announced":         "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 3\n\n",
		"close, content":          "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 3\n\nabc",
		"close, long content":     "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 204800\n\n" + long,
		"hints":                   "HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
		"trailer":                 "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: x\n\n",
		"server-sent events":      "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked\n\ndata: x\n\n",
	} {
		for _, end := range []string{"stays", "closes", "ends output"} {
			for _, protocol := range []string{"http1", "http2"} {
				t.Run(fmt.Sprintf("%s, %s, %s", name, end, protocol), func(t *testing.T) {
					t.Parallel()
					f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
						for request := c.FirstLine(); request != ""; request = c.FirstLine() {
							if !strings.HasPrefix(request, "HEAD ") {
								c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
								continue
							}
							c.Send(head)
							switch end {
							case "closes":
								return
							case "ends output":
								c.CloseWrite()
								_ = c.Rest()
								return
							}
						}
					})}, unproven: true})
					client := newClient(t, protocol)
					for range 3 {
						for _, method := range []string{http.MethodHead, http.MethodGet} {
							res := do(t, client, newRequest(t, method, f.url+"/path", nil))
							if body := readAll(t, res); res.StatusCode != http.StatusOK || body != map[string]string{http.MethodGet: "ok"}[method] {
								t.Errorf("%s: %d %.100q; log: %s", method, res.StatusCode, body, f.log)
							}
							f.recorded(t, 200)
						}
					}
					f.idle(t)
				})
			}
		}
	}
}

// TestHeadWithContent checks that a HEAD that has content gets the response of an instance
// that takes the content, or that answers without reading it and closes.
func TestHeadWithContent(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\nContent-Length: 100\n\n"
	for name, talk := range map[string]func(c *proxytest.Peer){
		"answers and closes":        func(c *proxytest.Peer) { _ = c.Head(); c.Send(head) },
		"answers with content":      func(c *proxytest.Peer) { _ = c.Head(); c.Send(head + "abc") },
		"answers and ends output":   func(c *proxytest.Peer) { _ = c.Head(); c.Send(head); c.CloseWrite(); _ = c.Rest() },
		"answers before the head":   func(c *proxytest.Peer) { _, _ = c.R.Peek(1); c.Send(head); c.CloseWrite(); _ = c.Rest() },
		"answers with the last one": func(c *proxytest.Peer) { _ = c.Head(); c.Send("HTTP/1.1 200 OK\nConnection: close\n\n") },
	} {
		for _, request := range []string{
			"HEAD / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc",
			"HEAD / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
			"HEAD / HTTP/1.1\nHost: a\nContent-Length: 1048576\n\n" + strings.Repeat("x", 1<<20),
			"HEAD / HTTP/1.0\nContent-Length: 3\n\nabc",
			"HEAD / HTTP/1.0\nConnection: keep-alive\n\n",
			"HEAD / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: test\n\n",
		} {
			t.Run(fmt.Sprintf("%s, %.60q %d", name, request, len(request)), func(t *testing.T) {
				t.Parallel()
				f := newProxy(t, setup{instances: []string{proxytest.Script(t, talk)}, unproven: true})
				c := proxytest.Dial(t, f.address)
				go c.Send(request) // ends with the connection: the content may not be taken
				if got := c.FirstLine(); got != "HTTP/1.1 200 OK" {
					t.Errorf("got %q; log: %s", got, f.log)
				}
				f.recorded(t, 200)
			})
		}
	}
}
