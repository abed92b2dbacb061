package std

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instanceAt is the endpoint of the one instance of a lane under test.
var instanceAt = registry.TCP("127.0.0.1", 1)

// newLane returns a lane over one instance, which calls talk with each connection. The
// connections are pipes within the process, which keep to the time of a synctest bubble.
func newLane(t testing.TB, s settings.Settings, talk func(c net.Conn)) *Lane {
	t.Helper()
	instances := registry.New(registry.Options{})
	id := instances.Add(registry.Spec{Endpoint: instanceAt})
	if err := instances.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[settings.Settings]
	s = s.WithDefaults()
	current.Store(&s)
	l := New(Options{Router: route.Single(route.NewApp("test", instances, route.Settings{})), Settings: &current})
	var talks sync.WaitGroup
	l.pool.dial = func(context.Context, registry.Endpoint) (net.Conn, error) {
		near, far := net.Pipe()
		talks.Go(func() { // until the lane is shut down
			defer far.Close()
			talk(far)
		})
		return near, nil
	}
	t.Cleanup(func() {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		l.Shutdown(gone)
		talks.Wait()
	})
	return l
}

// answer reads requests with their content, and answers each when handle returns.
func answer(handle func(r *http.Request, content string)) func(c net.Conn) {
	return func(c net.Conn) {
		b := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(b)
			if err != nil {
				return
			}
			if r.Header.Get("Expect") != "" {
				_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			content, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			handle(r, string(content))
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
		}
	}
}

// crlf returns text in which \n stands for \r\n.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
