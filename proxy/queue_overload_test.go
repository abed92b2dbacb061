package proxy_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestQueueOverload checks that requests are refused before their time in the queue is
// over when more arrive than the instances respond to, and that they learn when to come
// back.
func TestQueueOverload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	work := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond) // the work
		echo(w, r)
	}
	f := newProxy(t, setup{
		queue:     registry.Options{MaxConcurrency: 1, QueueLimit: 1024, QueueTimeout: patience},
		instances: []string{server(t, work)},
	})
	f.registry.SetGrowth(false)
	client := newClient(t, "http1")
	var clients sync.WaitGroup
	var served, refused atomic.Int64
	begin := time.Now()
	for at := time.Duration(0); at < 2*time.Second; at += 5 * time.Millisecond { // 4 times the capacity
		time.Sleep(time.Until(begin.Add(at)))
		clients.Go(func() {
			res := get(t, client, f.url)
			body := readAll(t, res)
			<-f.records
			switch {
			case res.StatusCode == http.StatusOK:
				served.Add(1)
			case res.StatusCode == 503 && strings.Contains(body, registry.ErrOverloaded.Error()):
				refused.Add(1)
				if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
					t.Errorf("Retry-After %d, %v", after, err)
				}
			default:
				t.Errorf("%d %s", res.StatusCode, body)
			}
		})
	}
	clients.Wait()
	if served.Load() < 50 || refused.Load() < 50 {
		t.Errorf("%d were served, %d refused", served.Load(), refused.Load())
	}
	f.idle(t)
}
