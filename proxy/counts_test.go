package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// connectionCounts are the counts of the connections to instances, as text.
func (f *front) connectionCounts() string {
	c := f.app.Connections()
	return fmt.Sprintf("opened %d, reused %d, broken %d, ended %d", c.Opened.Value(), c.Reused.Value(), c.Broken.Value(), c.Ended.Value())
}

// TestConnectionCounts checks that connections to instances are counted: new ones, those
// used again, and those that an instance ends in place of a response.
func TestConnectionCounts(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/close" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "hello")
	})}})
	client := newClient(t, "http1")
	for i, step := range []struct {
		method, path string
		code         int
		want         string
	}{
		{"GET", "/", 200, "opened 1, reused 0, broken 0, ended 0"},
		{"GET", "/", 200, "opened 1, reused 1, broken 0, ended 0"},
		{"POST", "/close", 502, "opened 1, reused 2, broken 1, ended 0"},
		{"GET", "/", 200, "opened 2, reused 2, broken 1, ended 0"},
	} {
		res := do(t, client, newRequest(t, step.method, f.url+step.path, nil))
		_ = readAll(t, res)
		f.recorded(t, step.code)
		if got := f.connectionCounts(); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

// TestEndedConnectionIsCounted checks that an idle connection which the instance ends is
// counted as such, not as a broken one.
func TestEndedConnectionIsCounted(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		if len(c.Head()) == 0 {
			return
		}
		c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		<-ended
	})
	f := newProxy(t, setup{instances: []string{address}})
	_ = readAll(t, get(t, newClient(t, "http1"), f.url))
	close(ended)
	// The fast lane notices at once, the std lane when it would use the connection.
	eventually(t, "the end of the connection is counted", func() bool {
		if f.app.Connections().Ended.Value() > 0 {
			return true
		}
		_ = readAll(t, get(t, newClient(t, "http1"), f.url))
		return f.app.Connections().Ended.Value() > 0
	})
	if n := f.app.Connections().Broken.Value(); n > 0 {
		t.Errorf("%d connections count as broken, want 0", n)
	}
}

// TestOutcomeStream checks that the outcome tells streams from other responses.
func TestOutcomeStream(t *testing.T) {
	t.Parallel()
	instances := registry.New(registry.Options{})
	addInstance(t, instances, server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		_ = http.NewResponseController(w).Flush() // or the response has a length
		_, _ = io.WriteString(w, "data: hello\n\n")
	}))
	url, ended := outcomes(t, instances)
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for path, stream := range map[string]bool{"/": false, "/events": true} {
			_ = readAll(t, get(t, client, url+path))
			if o := wait(t, ended, "outcome"); o.Stream != stream {
				t.Errorf("%s: stream %v, want %v", path, o.Stream, stream)
			}
		}
	})
	if now := instances.Snapshot(); now.StreamsBegun != 2 || now.Instances[0].Served.Class(2) != 4 {
		t.Errorf("%d streams, %d responses; want 2 of 4", now.StreamsBegun, now.Instances[0].Served.Class(2))
	}
}

// TestHandshakeCounts checks that handshakes are counted by what came of them.
func TestHandshakeCounts(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
	before := f.proxy.Handshakes() // of the harness
	_ = readAll(t, get(t, newClient(t, "http1"), f.url))
	left := proxytest.DialTCP(t, f.address)
	left.Close()
	bad := proxytest.DialTCP(t, f.address)
	bad.Send("nonsense nonsense nonsense")
	bad.Rest()
	want := handshake.Counts{Full: before.Full + 1, Failed: before.Failed + 1, Left: before.Left + 1, Resumed: before.Resumed}
	eventually(t, "all handshakes are counted", func() bool { return f.proxy.Handshakes() == want })
	if got := f.proxy.Handshakes(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// eventually waits until a condition holds that nothing notifies of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
