package proxy_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRetryPoison checks that a request that kills its instances is sent to two of
// them.
func TestRetryPoison(t *testing.T) {
	t.Parallel()
	var poisoned atomic.Int32
	s := setup{}
	for range 4 {
		l := proxytest.Listen(t)
		proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
			for head := c.Head(); head != nil; head = c.Head() {
				if strings.Contains(head[0], "/poison") {
					poisoned.Add(1)
					_ = l.Close()
					return
				}
				c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			}
		})
		s.instances = append(s.instances, l.Addr().String())
	}
	f := newProxy(t, s)
	client := newClient(t, "http1")
	for range s.instances { // a connection to each
		readAll(t, get(t, client, f.url))
		if _, err := f.registry.Acquire(t.Context(), registry.Preference{}); err != nil { // makes the next the least loaded
			t.Fatal(err)
		}
	}
	wantFault(t, get(t, client, f.url+"/poison"), 502, "without a response")
	if n := poisoned.Load(); n != 2 {
		t.Errorf("sent to %d instances, want 2", n)
	}
}

// TestRetryPool checks that a request is sent at most twice, however many idle
// connections break.
func TestRetryPool(t *testing.T) {
	t.Parallel()
	const warm = 8
	var met sync.WaitGroup
	met.Add(warm)
	var requests atomic.Int32
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		head := c.Head()
		if len(head) > 0 && strings.Contains(head[0], "/warm") {
			met.Done()
			met.Wait()
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			head = c.Head()
		}
		if head != nil {
			requests.Add(1)
		}
	})}})
	client := newClient(t, "http1")
	var clients sync.WaitGroup
	for range warm {
		clients.Go(func() { readAll(t, get(t, client, f.url+"/warm")) })
	}
	clients.Wait()
	wantFault(t, get(t, client, f.url), 502, "without a response")
	if n := requests.Load(); n != 2 {
		t.Errorf("sent %d times, want 2", n)
	}
}
