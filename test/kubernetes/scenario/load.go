package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// rate is how many requests a second are sent, whatever becomes of those before.
const rate = 300

// result is what became of the requests.
type result struct {
	mu    sync.Mutex // guards all below
	took  []time.Duration
	lost  map[string]int
	total int
}

func newResult() *result { return &result{lost: map[string]int{}} }

func (r *result) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.lost {
		n += c
	}
	text := fmt.Sprintf("%d GETs, %d lost, p50 %v, p99 %v, max %v", r.total, n, r.atLocked(0.5), r.atLocked(0.99), r.atLocked(1))
	for why, c := range r.lost {
		text += fmt.Sprintf("; %d x %s", c, why)
	}
	return text
}

// at returns the response time that the part q of the requests did not exceed.
func (r *result) at(q float64) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.atLocked(q)
}

func (r *result) atLocked(q float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	slices.Sort(r.took)
	return r.took[int(q*float64(len(r.took)-1))].Round(100 * time.Microsecond)
}

// losses returns how many requests were lost.
func (r *result) losses() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.lost {
		n += c
	}
	return n
}

func (r *result) add(took time.Duration, lost string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if lost != "" {
		r.lost[lost]++
		return
	}
	r.took = append(r.took, took)
}

// newClient returns a client that gives up after so long.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 500, IdleConnTimeout: 4 * time.Second}}
}

// load sends requests while during runs. next returns where the next one goes to.
func load(ctx context.Context, next func() string, during func()) *result {
	r := newResult()
	client := newClient(20 * time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		during()
	}()
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	var requests sync.WaitGroup
	for {
		select {
		case <-done:
			requests.Wait()
			return r
		case <-tick.C:
		}
		requests.Go(func() {
			began := time.Now()
			lost := send(ctx, client, next()+"/?ms=20")
			r.add(time.Since(began), lost)
		})
	}
}

// send sends a GET. It returns why there was no whole response of 200; "" if there was.
func send(ctx context.Context, client *http.Client, url string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(req)
	if err != nil {
		return "no response"
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return "response cut off"
	case res.StatusCode != http.StatusOK:
		return fmt.Sprintf("status %d %.60q", res.StatusCode, text)
	default:
		return ""
	}
}

// to sends all requests to one place.
func to(url string) func() string { return func() string { return url } }

// roundRobin follows the ready endpoints, as kube-proxy does, and returns them in turn.
func (w *world) roundRobin(ctx context.Context) func() string {
	var mu sync.Mutex
	slicesOf := map[string][]string{}
	var all atomic.Pointer[[]string]
	all.Store(&[]string{"http://127.0.0.1:1"})
	updates, err := w.client.DiscoveryV1().EndpointSlices(w.namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return to("http://127.0.0.1:1")
	}
	go func() { // ends with ctx
		for event := range updates.ResultChan() {
			s, ok := event.Object.(*discoveryv1.EndpointSlice)
			if !ok {
				continue
			}
			mu.Lock()
			slicesOf[s.Name] = nil
			for _, e := range s.Endpoints {
				if event.Type != watch.Deleted && e.Conditions.Ready != nil && *e.Conditions.Ready {
					slicesOf[s.Name] = append(slicesOf[s.Name], fmt.Sprintf("http://%s:%d", e.Addresses[0], *s.Ports[0].Port))
				}
			}
			var now []string
			for _, l := range slicesOf {
				now = append(now, l...)
			}
			mu.Unlock()
			if len(now) > 0 {
				all.Store(&now)
			}
		}
	}()
	var turn atomic.Uint64
	return func() string {
		now := *all.Load()
		return now[turn.Add(1)%uint64(len(now))]
	}
}
