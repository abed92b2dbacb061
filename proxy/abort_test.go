package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestStreamBrokenOff checks that a response that its instance breaks off is broken
// off to the client too, so that the client never takes it for complete.
func TestStreamBrokenOff(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"length":  "HTTP/1.1 200 OK\nContent-Length: 10\n\nhalf",
		"chunked": "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nhalf\n",
		"chunk":   "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n8\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				c.Head()
				c.Send(response)
			})}})
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				res := get(t, client, f.url)
				body, err := io.ReadAll(res.Body)
				if string(body) != "half" || err == nil {
					t.Errorf("body %q, then %v; want half of it, then an error", body, err)
				}
				f.recorded(t, 502)
				f.idle(t)
			})
			if !strings.Contains(f.log.String(), "instance broke its response off") {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// TestStreamUntilClose checks that a response that ends with its connection gets a
// framing that shows its end.
func TestStreamUntilClose(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.0 200 OK\n\nall of it")
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		if body := readAll(t, get(t, client, f.url)); body != "all of it" {
			t.Errorf("body %q", body)
		}
	})
}

// TestStreamClientGone checks that a client that is gone, at any point of its request,
// frees its place and closes the connection to the instance.
func TestStreamClientGone(t *testing.T) {
	t.Parallel()
	arrived, closed := make(chan struct{}, 8), make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		head := c.Head()
		if head == nil {
			return
		}
		if strings.Contains(head[0], "/body") {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 10\n\nhalf")
		}
		arrived <- struct{}{}
		c.WaitClosed()
		closed <- struct{}{}
	})}})
	for _, request := range []string{
		"GET /silent HTTP/1.1\nHost: a\n\n",
		"GET /body HTTP/1.1\nHost: a\n\n",
		"POST /silent HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf",
		"POST /silent HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n4\nhalf\n",
		"POST /body HTTP/1.1\nHost: a\nContent-Length: 4\n\nfull",
	} {
		t.Run(strings.Fields(request)[0]+strings.Fields(request)[1], func(t *testing.T) {
			c := proxytest.Dial(t, f.address)
			c.Send(request)
			wait(t, arrived, "request")
			if f.inFlight() != 1 {
				t.Errorf("%d in flight, want 1", f.inFlight())
			}
			c.Reset()
			f.recorded(t, 499)
			f.idle(t)
			wait(t, closed, "close")
		})
	}
	if strings.Contains(f.log.String(), "level=WARN") || strings.Contains(f.log.String(), "level=INFO") {
		t.Errorf("log: %s", f.log)
	}
	client := newClient(t, "http2")
	t.Run("http2", func(t *testing.T) {
		res := get(t, client, f.url+"/body")
		wait(t, arrived, "request")
		_ = res.Body.Close()
		f.recorded(t, 499)
		f.idle(t)
		wait(t, closed, "close")
	})
	t.Run("http2 upload", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		body, more := io.Pipe()
		done := make(chan error, 1)
		go func() {
			res, err := client.Do(newRequest(t, http.MethodPost, f.url+"/silent", body).WithContext(ctx))
			if err == nil {
				_ = res.Body.Close()
			}
			done <- err
		}()
		_, _ = io.WriteString(more, "half")
		wait(t, arrived, "request")
		leave()
		if err := wait(t, done, "request"); err == nil {
			t.Error("got a response")
		}
		f.recorded(t, 499)
		f.idle(t)
		wait(t, closed, "close")
	})
	client.CloseIdleConnections()
}
