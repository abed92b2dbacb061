package proxy_test

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStreamBackPressure checks that a slow reader of a large response, and an
// instance that is slow with a large upload, take no memory.
func TestStreamBackPressure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	// The kernel may hold 36 MiB of a connection, and there are two: up to 32 MiB for its
	// receiver (tcp_rmem) and 4 MiB for its sender (tcp_wmem).
	const size = 160 << 20
	var sent atomic.Int64
	release := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			<-release
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		buffer := make([]byte, 1<<20)
		for sent.Load() < size {
			n, err := w.Write(buffer)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		client.Timeout = 0
		sent.Store(0)
		res := get(t, client, f.url)
		if n := settle(&sent); n > size/2 {
			t.Errorf("%d MiB read from the instance, none by the client", n>>20)
		}
		if n := heap(); n > 32<<20 {
			t.Errorf("heap of %d MiB", n>>20)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if n != size || err != nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
		f.recorded(t, 200)
	})
	t.Run("upload", func(t *testing.T) {
		client := newClient(t, "http1")
		client.Timeout = 0
		var read atomic.Int64
		body := io.LimitReader(countingReader{&read}, size)
		r := newRequest(t, http.MethodPost, f.url, body)
		r.ContentLength = size
		done := make(chan error, 1)
		go func() {
			res, err := client.Do(r)
			if err == nil {
				_ = res.Body.Close()
			}
			done <- err
		}()
		if n := settle(&read); n > size/2 {
			t.Errorf("%d MiB taken from the client, none by the instance", n>>20)
		}
		once.Do(func() { close(release) })
		if err := wait(t, done, "upload"); err != nil {
			t.Error(err)
		}
		f.recorded(t, 200)
	})
	f.idle(t)
}

// settle returns n when it stops growing. Back-pressure that has reached the source is not
// announced, so settle polls.
func settle(n *atomic.Int64) int64 {
	for last := int64(-1); ; time.Sleep(200 * time.Millisecond) {
		now := n.Load()
		if now == last && now > 0 {
			return now
		}
		last = now
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// countingReader is endless.
type countingReader struct{ n *atomic.Int64 }

func (r countingReader) Read(p []byte) (int, error) {
	r.n.Add(int64(len(p)))
	return len(p), nil
}
