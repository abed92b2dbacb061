package proxy_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestGRPCTimeoutOfClient checks that dynlb ends a call at the time that its client has set,
// whatever it waits for, although neither the client nor the instance does so, and that the
// instance learns of it.
func TestGRPCTimeoutOfClient(t *testing.T) {
	t.Parallel()
	ended, began := make(chan string, 8), make(chan string, 8)
	f := newProxy(t, setup{
		protocol: route.H2C, queue: registry.Options{MaxConcurrency: 1, QueueLimit: 8, QueueTimeout: patience},
		instances: []string{h2cInstance(t, false, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			if r.URL.Path == "/begun" {
				_, _ = w.Write([]byte("\x00\x00\x00\x00\x00"))
				_ = http.NewResponseController(w).Flush()
			}
			began <- r.URL.Path
			<-r.Context().Done()
			ended <- r.URL.Path
		})},
	})
	client := newClient(t, "http2")
	call := func(ctx context.Context, path, limit string) (status, message string, err error) {
		body := strings.NewReader("\x00\x00\x00\x00\x00")
		r := newRequest(t, http.MethodPost, f.url+path, body).WithContext(ctx)
		r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Timeout": {limit}}
		res, err := client.Do(r)
		if err != nil {
			return "", "", err
		}
		readAll(t, res)
		_ = res.Body.Close()
		all := res.Header.Clone()
		for name := range res.Trailer {
			all[name] = res.Trailer[name]
		}
		return all.Get("Grpc-Status"), all.Get("Grpc-Message"), nil
	}
	for _, path := range []string{"/silent", "/begun"} {
		status, message, err := call(t.Context(), path, "100m")
		if status != "4" || err != nil || !strings.HasPrefix(message, "the deadline of the call has passed") {
			t.Errorf("%s: status %q %q, %v", path, status, message, err)
		}
		f.recorded(t, 504)
		wait(t, ended, "the end at the instance")
		<-began
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, _, err := call(ctx, "/silent", "1H"); first <- err }()
	wait(t, began, "the first call")
	status, message, err := call(t.Context(), "/silent", "50m")
	if status != "4" || err != nil || !strings.Contains(message, "before an instance was free") {
		t.Errorf("in the queue: status %q %q, %v", status, message, err)
	}
	f.recorded(t, 504)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first call: %v", err)
	}
	f.recorded(t, 499)
	f.idle(t)
}

// TestGRPCTimeoutNotReached checks that a call that ends in time is not ended by its limit,
// and nor is the next one on the connection.
func TestGRPCTimeoutNotReached(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{})
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if _, err := c.say(ctx, "hello"); err != nil {
			t.Error(err)
		}
		cancel()
		f.recorded(t, 200)
	}
	f.idle(t)
}
