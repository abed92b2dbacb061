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
// back. Four requests arrive for each response, however fast the machine is.
func TestQueueOverload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const enough = 50
	var clients sync.WaitGroup
	var served, refused atomic.Int64
	arrivals := make(chan int, 1)
	work := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond) // the work
		echo(w, r)
		select {
		case arrivals <- 4:
		default: // the test has enough
		}
	}
	f := newProxy(t, setup{
		queue:     registry.Options{MaxConcurrency: 1, QueueLimit: 1024, QueueTimeout: patience},
		instances: []string{server(t, work)},
	})
	f.registry.SetGrowth(false)
	client := newClient(t, "http1")
	request := func() {
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
	}
	arrivals <- 4
	for served.Load() < enough || refused.Load() < enough {
		n := wait(t, arrivals, "response")
		for range n {
			clients.Go(request)
		}
	}
	clients.Wait()
	f.idle(t)
}
