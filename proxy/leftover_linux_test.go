package proxy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// holdings returns how many goroutines and descriptors this process has.
func holdings(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.NumGoroutine(), len(files)
}

// leavers are clients of TLS that leave early, in many ways.
var leavers = map[string]func(t *testing.T, f *front, client *http.Client){
	"before the handshake": func(t *testing.T, f *front, _ *http.Client) {
		if c, err := net.Dial("tcp", f.address); err == nil {
			_ = c.Close()
		}
	},
	"within the handshake": func(t *testing.T, f *front, _ *http.Client) {
		c, err := net.Dial("tcp", f.address)
		if err != nil {
			return
		}
		hello := &firstWrite{Conn: c}
		_ = tls.Client(hello, proxytest.ClientTLS()).HandshakeContext(t.Context())
		_ = c.Close()
	},
	"before a request": func(_ *testing.T, f *front, _ *http.Client) { sayAndLeave(f, "") },
	"within a head":    func(_ *testing.T, f *front, _ *http.Client) { sayAndLeave(f, "GET /slow HTTP/1.1\r\nHo") },
	"within content": func(_ *testing.T, f *front, _ *http.Client) {
		sayAndLeave(f, "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", 100_000))
	},
	"before a response": func(t *testing.T, f *front, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if res, err := client.Do(newRequest(t, http.MethodGet, f.url+"/slow", http.NoBody).WithContext(ctx)); err == nil {
			_ = res.Body.Close()
		}
	},
}

// sayAndLeave connects, sends a part of a request, and leaves.
func sayAndLeave(f *front, said string) {
	c, err := tls.Dial("tcp", f.address, proxytest.ClientTLS("http/1.1"))
	if err == nil {
		_, _ = io.WriteString(c, said)
		_ = c.Close()
	}
}

// TestNothingIsLeft checks that clients that leave early, over TLS, leave neither goroutines nor
// descriptors behind, whatever the instances speak. It is not parallel: it counts those of the
// process.
func TestNothingIsLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	slow := func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body) // without it net/http does not see the end of the connection
		if r.URL.Path != "/slow" || err != nil {
			return
		}
		select { // a client of HTTP/1.1 that has only ended its output waits for the response
		case <-r.Context().Done():
		case <-time.After(time.Second):
		}
	}
	for name, s := range map[string]setup{
		"HTTP/1.1": {instances: []string{server(t, slow)}},
		"HTTP/2":   {instances: []string{h2cInstance(t, false, slow)}, protocol: route.H2C},
	} {
		t.Run(name, func(t *testing.T) {
			s.tls = true
			f := newProxy(t, s)
			const each = 20
			round := func() {
				for _, version := range []string{"http1", "http2"} {
					client := newClient(t, version)
					_ = get(t, client, f.url).Body.Close()
					var clients sync.WaitGroup
					for _, way := range leavers {
						for range each {
							clients.Go(func() { way(t, f, client) })
						}
					}
					clients.Wait()
					client.CloseIdleConnections()
				}
				for len(f.records) > 0 {
					<-f.records
				}
			}
			round() // what stays for the next ones
			awaitHeld(t, 0, 0)
			goroutines, descriptors := holdings(t)
			round()
			awaitHeld(t, goroutines+each/2, descriptors+each/2)
		})
	}
}

// awaitHeld waits until this process has at most so many goroutines and descriptors; 0: until
// their numbers stay.
func awaitHeld(t *testing.T, goroutines, descriptors int) {
	t.Helper()
	lastG, lastD := holdings(t)
	for deadline, calm := time.Now().Add(patience), 0; ; {
		time.Sleep(100 * time.Millisecond) // nothing tells when the kernel and the lanes are done
		g, d := holdings(t)
		if g == lastG && d == lastD {
			calm++
		} else {
			calm = 0
		}
		lastG, lastD = g, d
		switch {
		case goroutines == 0 && calm == 10, goroutines > 0 && g <= goroutines && d <= descriptors:
			return
		case time.Now().After(deadline):
			t.Errorf("%d goroutines and %d descriptors, want %d and %d at most", g, d, goroutines, descriptors)
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			return
		}
	}
}
