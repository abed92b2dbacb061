package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// trickle sends a byte of content at intervals, until the connection ends.
func trickle(c *proxytest.Peer, framing string, every time.Duration) {
	for {
		text := "x"
		if framing == "chunked" {
			text = "1\nx\n"
		}
		if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// framings are the heads of uploads, by their framing.
var framings = map[string]string{
	"length":  "Content-Length: 100000\n\n",
	"chunked": "Transfer-Encoding: chunked\n\n",
	"expects": "Content-Length: 100000\nExpect: 100-continue\n\n",
}

// TestSlowSendersHoldNothing checks that 24 clients that send a byte of their content now
// and then do not take the places of an instance from others, nor make it loaded.
func TestSlowSendersHoldNothing(t *testing.T) {
	t.Parallel()
	for framing, fields := range framings {
		t.Run(framing, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{
				queue:     registry.Options{MaxConcurrency: 4, QueueLimit: 1024, QueueTimeout: patience},
				instances: []string{server(t, echo)},
			})
			for range 24 {
				c := proxytest.Dial(t, f.address)
				go func() { // ends with the connection
					c.Send("POST / HTTP/1.1\nHost: a\n" + fields)
					trickle(c, framing, soon)
				}()
				t.Cleanup(c.Reset)
			}
			peak := 0
			for range 100 {
				time.Sleep(soon / 5) // until they are all partial, if they may be
				if c := proxytest.Dial(t, f.address); !serves(c, patience/4) {
					t.Fatal("a client has to wait for slow ones")
				}
				peak = max(peak, f.inFlight())
			}
			if peak > 2 { // the scaling threshold is 3
				t.Errorf("%d in flight", peak)
			}
		})
	}
}

// TestSlowSender checks that a client whose content arrives below the minimum rate gets a
// 408 in the end, although it is never silent for long, and that one above the rate does
// not.
func TestSlowSender(t *testing.T) {
	t.Parallel()
	for framing, fields := range framings {
		t.Run(framing, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{
				instances: []string{server(t, echo)},
				options:   proxy.Options{Settings: proxy.Settings{BodyTimeout: 20 * soon, MinRate: 100}},
			})
			slow := proxytest.Dial(t, f.address)
			slow.Send("POST / HTTP/1.1\nHost: a\n" + fields)
			go trickle(slow, framing, soon) // it ends with the connection
			if got := slow.Rest(); !strings.Contains(got, "HTTP/1.1 408 ") {
				t.Errorf("got %q", got)
			}
			f.recorded(t, http.StatusRequestTimeout)
			f.idle(t)
			if framing != "length" {
				return
			}
			c := proxytest.Dial(t, f.address)
			c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 1000\n\n")
			for range 20 {
				time.Sleep(soon)
				c.Send(strings.Repeat("x", 50))
			}
			if !answers(c, patience) {
				t.Error("a client above the rate got no response")
			}
		})
	}
}

// TestSlowSenderStream checks the same for a stream of HTTP/2.
func TestSlowSenderStream(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	f := newProxy(t, setup{
		instances: []string{server(t, echo)},
		options:   proxy.Options{Settings: proxy.Settings{BodyTimeout: 20 * soon, MinRate: 100}},
	})
	client := newClient(t, "http2")
	body, more := io.Pipe()
	go func() { // ends with the request
		for {
			if _, err := more.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(soon)
		}
	}()
	defer func() { _ = more.Close() }()
	if res := do(t, client, newRequest(t, http.MethodPost, f.url, body)); res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d", res.StatusCode)
	}
	client.CloseIdleConnections()
	f.idle(t)
}

// TestConversation checks that a client may wait for a part of the response before it
// sends the next part of its content, several at the same time, and at any pace.
func TestConversation(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			_ = control.EnableFullDuplex()
			part := make([]byte, 1)
			for {
				if _, err := io.ReadFull(r.Body, part); err != nil {
					return
				}
				_, _ = w.Write(part)
				_ = control.Flush()
			}
		})},
		options: proxy.Options{Settings: proxy.Settings{BodyTimeout: 20 * soon, MinRate: 100}},
	})
	var talks sync.WaitGroup
	defer talks.Wait()
	for range 4 {
		c := proxytest.Dial(t, f.address)
		talks.Go(func() {
			c.Send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
			for i := range 30 { // together longer than BodyTimeout
				c.Send("1\n" + fmt.Sprint(i%10) + "\n")
				if i == 0 && c.Head() == nil {
					t.Error("no response")
					return
				}
				for _, want := range []string{"1\r\n", fmt.Sprint(i%10) + "\r\n"} {
					if line, err := c.R.ReadString('\n'); line != want {
						t.Errorf("part %d: %q, %v", i, line, err)
						return
					}
				}
				time.Sleep(soon)
			}
			c.Send("0\n\n")
		})
	}
}

// TestSlowTaker checks that a client that takes a response below the minimum rate is
// given up, although it always takes a little.
func TestSlowTaker(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{flood(t)},
		options:   proxy.Options{Settings: proxy.Settings{IdleTimeout: 10 * soon, MinRate: 1 << 20}},
	})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /large HTTP/1.1\nHost: a\n\n")
	for began := time.Now(); len(f.records) == 0; time.Sleep(soon) {
		_, _ = io.CopyN(io.Discard, c.R, 13<<10)
		if time.Since(began) > patience/2 {
			t.Fatal("it is still served")
		}
	}
	f.recorded(t, proxy.StatusClientClosed)
	f.idle(t)
}
