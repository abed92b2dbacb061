package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// size is the number of instances from a time on.
type size struct {
	at time.Duration
	n  int
}

// watch records the number of instances until the function that it returns is called.
func watch(ctx context.Context, it running) (sizes func() []size) {
	if it.status == "" {
		return func() []size { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var all []size
	begin := time.Now()
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			if n, err := it.healthy(); err == nil && (len(all) == 0 || all[len(all)-1].n != n) {
				all = append(all, size{time.Since(begin), n})
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() []size {
		cancel()
		<-done
		return all
	}
}

// count adds the number of instances to the result.
func (r *result) count(s scenario, sizes []size) {
	for i, z := range sizes {
		r.final = z.n
		if z.at < s.from {
			if i+1 == len(sizes) || sizes[i+1].at > s.from {
				r.largest = max(r.largest, z.n)
			}
			continue
		}
		r.largest = max(r.largest, z.n)
		if i > 0 {
			r.changes++
		}
	}
}

// scale sets the number of instances by order, and waits until they are ready.
func (r running) scale(ctx context.Context, n int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.admin()+"/v1/scale", strings.NewReader(fmt.Sprintf(`{"target": %d}`, n)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("scale to %d: %s: %s", n, response.Status, text)
	}
	return r.await(ctx, n)
}

// admin returns the URL of admin HTTP, two ports above the public one.
func (r running) admin() string {
	var port int
	_, _ = fmt.Sscanf(r.url, "http://127.0.0.1:%d/", &port)
	return fmt.Sprintf("http://127.0.0.1:%d", port+2)
}
