package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestPause: requests wait while an app is paused, and then all are answered. Those at an
// instance finish.
func TestPause(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			started <- struct{}{}
			<-release
		}
		_, _ = io.Copy(w, r.Body)
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		slow := make(chan string, 1)
		go func() {
			slow <- readAll(t, do(t, client, newRequest(t, http.MethodPost, f.url+"/slow", strings.NewReader("before"))))
		}()
		wait(t, started, "the request in flight")
		f.registry.Pause()
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				res := do(t, client, newRequest(t, http.MethodPost, f.url, strings.NewReader("waited")))
				if body := readAll(t, res); res.StatusCode != 200 || body != "waited" {
					t.Errorf("got %d %s", res.StatusCode, body)
				}
			})
		}
		f.waiting(t, 16)
		release <- struct{}{}
		if body := <-slow; body != "before" {
			t.Errorf("the request in flight got %s", body)
		}
		f.waiting(t, 16)
		f.registry.Resume()
		clients.Wait()
		for range 17 {
			f.recorded(t, 200)
		}
	})
}

// TestPauseIsBounded: the limits of the queue hold in a pause, and the answer says why.
func TestPauseIsBounded(t *testing.T) {
	t.Parallel()
	instances := []string{server(t, echo)}
	full := newProxy(t, setup{queue: registry.Options{QueueLimit: 1, QueueTimeout: patience}, instances: instances})
	late := newProxy(t, setup{queue: registry.Options{QueueLimit: 1, QueueTimeout: soon}, instances: instances})
	late.registry.Pause()
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		full.registry.Pause()
		var clients sync.WaitGroup
		clients.Go(func() { seen(t, get(t, client, full.url)) })
		full.waiting(t, 1)
		res := get(t, client, full.url)
		if res.Header.Get("Retry-After") == "" {
			t.Error("Retry-After is missing")
		}
		wantFault(t, res, http.StatusServiceUnavailable, `"key":"queue.limit"`)
		full.registry.Resume()
		clients.Wait()
		wantFault(t, get(t, client, late.url), http.StatusServiceUnavailable, `"error":"the app is paused"`)
	})
}
