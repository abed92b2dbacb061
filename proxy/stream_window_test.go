package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestWaitingContentHoldsNoOther checks that the content of requests that wait, for an
// instance or for one that does not read, leaves room for that of others on the same
// connection of HTTP/2.
func TestWaitingContentHoldsNoOther(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 32<<10) // 512 KiB
	arrived, release := make(chan struct{}, 16), make(chan struct{})
	count := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/deaf" {
			arrived <- struct{}{}
			<-release
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != int64(len(content)) && n != 600 {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	post := func(t *testing.T, client *http.Client, url string, body io.Reader) {
		res := do(t, client, newRequest(t, http.MethodPost, url, body))
		readAll(t, res)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d", url, res.StatusCode)
		}
	}
	t.Run("queue", func(t *testing.T) {
		t.Parallel()
		f := newProxy(t, setup{
			instances: []string{count},
			queue:     registry.Options{MaxConcurrency: 1, QueueLimit: 1024, QueueTimeout: patience},
		})
		client := newClient(t, "http2")
		var uploads sync.WaitGroup
		first, rest := io.Pipe()
		uploads.Go(func() { post(t, client, f.url, first) })
		_, _ = rest.Write(content[:64<<10]) // it is at the instance, or soon will be
		for range 12 {
			uploads.Go(func() { post(t, client, f.url, bytes.NewReader(content)) })
		}
		time.Sleep(soon) // nothing notifies that they have sent what they may
		began := time.Now()
		_, _ = rest.Write(content[64<<10:])
		_ = rest.Close()
		uploads.Wait()
		if took := time.Since(began); took > patience/2 {
			t.Errorf("took %v", took)
		}
		f.idle(t)
	})
	t.Run("deaf instance", func(t *testing.T) {
		t.Parallel()
		f := newProxy(t, setup{instances: []string{count}})
		client := newClient(t, "http2")
		var deaf sync.WaitGroup
		for range 8 {
			deaf.Go(func() { post(t, client, f.url+"/deaf", bytes.NewReader(content)) })
		}
		for range 8 {
			wait(t, arrived, "a request at the instance")
		}
		post(t, client, f.url, bytes.NewReader(content[:600]))
		post(t, client, f.url, bytes.NewReader(content))
		close(release)
		deaf.Wait()
		f.idle(t)
	})
}
