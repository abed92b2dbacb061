//go:build unix

package proxy_test

import (
	"net/http"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestOutOfDescriptors: our own lack of file descriptors is not held against
// the instances.
func TestOutOfDescriptors(t *testing.T) {
	f := newProxy(t, setup{instances: []string{server(t, echo), server(t, echo)}})
	c := dial(t, f.address)
	c.send("GET /lb-status HTTP/1.1\nHost: a\n\n") // so that the connection is accepted
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, res)
	lease, err := f.registry.Acquire(t.Context()) // so that the next needs a new connection
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	res, err = http.ReadResponse(c.r, nil)
	if again := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); again != nil {
		t.Fatal(again)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	wantFault(t, res, 503, `"reason":"too many open files"`)
	snapshot := f.registry.Snapshot()
	if n := snapshot.Count(registry.Ready); n != 2 {
		t.Errorf("%d instances ready, want 2", n)
	}
}
