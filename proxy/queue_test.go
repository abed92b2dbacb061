package proxy_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// waiting returns when n requests wait for an instance.
func (f *front) waiting(t testing.TB, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		snapshot := f.registry.Snapshot()
		if snapshot.Waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests wait, want %d", snapshot.Waiting, n)
		}
		time.Sleep(time.Millisecond) // the queue's length is not announced
	}
}

// TestQueueServed checks that requests that find no instance are served when there is
// one.
func TestQueueServed(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		f := newProxy(t, setup{})
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() {
				r := newRequest(t, http.MethodPost, f.url, strings.NewReader("waited"))
				if got := seen(t, do(t, client, r)); got.Body != "waited" {
					t.Errorf("instance saw %+v", got)
				}
			})
		}
		f.waiting(t, 64)
		addInstance(t, f.registry, server(t, echo))
		clients.Wait()
		for range 64 {
			f.recorded(t, 200)
		}
		f.idle(t)
	})
}

// TestQueueSpreads checks that requests for which one instance has no room go to the
// next instance.
func TestQueueSpreads(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := func(w http.ResponseWriter, r *http.Request) {
		<-release
		echo(w, r)
	}
	f := newProxy(t, setup{
		queue:     registry.Options{MaxConcurrency: 8, QueueLimit: 1024, QueueTimeout: patience},
		instances: []string{server(t, slow)},
	})
	client := newClient(t, "http1")
	var clients sync.WaitGroup
	for range 64 {
		clients.Go(func() { seen(t, get(t, client, f.url)) })
	}
	f.waiting(t, 56)
	addInstance(t, f.registry, server(t, slow))
	f.waiting(t, 48)
	if n := f.inFlight(); n != 16 {
		t.Errorf("%d in flight, want 16", n)
	}
	close(release)
	clients.Wait()
	for range 64 {
		f.recorded(t, 200)
	}
	f.idle(t)
	for i, n := range f.served() {
		if n < 8 {
			t.Errorf("instance %d served %d", i, n)
		}
	}
}

func TestQueueRefusals(t *testing.T) {
	t.Parallel()
	const trouble = "bun: not found on PATH; npm install -g --allow-scripts=bun bun, or set command in the config"
	for _, c := range []struct {
		name    string
		queue   registry.Options
		prepare func(f *front)
		reason  string
		retry   string
	}{
		{"full", registry.Options{QueueTimeout: patience}, nil, "the queue is full", "1"},
		{"timeout", registry.Options{QueueLimit: 1}, nil, "no instance became free in time", "5"},
		{"closed", registry.Options{QueueLimit: 1}, func(f *front) { f.registry.Close() }, "shutting down", "5"},
		{"trouble", registry.Options{QueueLimit: 1}, func(f *front) { f.registry.SetTrouble(trouble) }, trouble, "30"},
		{"hopeless", registry.Options{QueueLimit: 1, QueueTimeout: 10 * patience}, func(f *front) {
			f.registry.SetTrouble(trouble)
			f.registry.SetHopeless(true)
		}, trouble, "30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{queue: c.queue})
			if c.prepare != nil {
				c.prepare(f)
			}
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				res := do(t, client, newRequest(t, http.MethodPost, f.url, strings.NewReader("body")))
				if got := res.Header.Get("Retry-After"); got != c.retry {
					t.Errorf("Retry-After %q, want %q", got, c.retry)
				}
				wantFault(t, res, 503, `{"error":"no instance available","reason":"`)
				f.recorded(t, 503)
				res = do(t, client, newRequest(t, http.MethodHead, f.url, nil))
				if body := readAll(t, res); res.StatusCode != 503 || body != "" {
					t.Errorf("HEAD: %d %q", res.StatusCode, body)
				}
				f.recorded(t, 503)
				wantFault(t, get(t, client, f.url), 503, c.reason)
				f.recorded(t, 503)
			})
			if !strings.Contains(f.log.String(), "level=INFO") || strings.Contains(f.log.String(), "level=WARN") {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// TestQueueClientGone checks that a client that is gone loses its place in the queue.
func TestQueueClientGone(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	f.waiting(t, 1)
	c.Reset()
	f.recorded(t, 499)
	f.waiting(t, 0)
}
