//go:build unix

package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// BenchmarkProxy and BenchmarkBareReverseProxy carry a 64 B GET over 64 client
// connections to four origins. Clients and origins cost next to nothing, so
// that cpu-ns/op, the CPU time of the whole process, can be compared.
func BenchmarkProxy(b *testing.B) {
	pool := registry.New(registry.Options{})
	for range 4 {
		addInstance(b, pool, rawOrigin(b))
	}
	p := proxy.New(proxy.Options{
		Engine: engine, Record: func(*outcome.Outcome) {},
		Router: route.Single(route.NewApp("default", pool, route.Settings{RequestTimeout: 30 * time.Second})),
	})
	listener := proxytest.Listen(b)
	go func() { _ = p.Serve(listener) }()
	b.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	benchmark(b, listener.Addr().String())
}

func BenchmarkBareReverseProxy(b *testing.B) {
	var origins []*url.URL
	for range 4 {
		origins = append(origins, &url.URL{Scheme: "http", Host: rawOrigin(b)})
	}
	var turn atomic.Uint32
	transport := &http.Transport{MaxIdleConnsPerHost: 1 << 10, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(origins[int(turn.Add(1))%len(origins)])
			r.SetXForwarded()
		},
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	})
	b.Cleanup(server.Close)
	benchmark(b, server.Listener.Addr().String())
}

func benchmark(b *testing.B, address string) {
	b.Helper()
	const clients = 64
	var todo atomic.Int64
	todo.Store(int64(b.N))
	done := make(chan error, clients)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	for range clients {
		go func() { done <- rawClient(address, &todo) }()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// rawClient sends requests on one connection until none are left to do.
func rawClient(address string, todo *atomic.Int64) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := []byte("GET /bench?x=1 HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	body := bytes.Repeat([]byte("x"), 64)
	buffer := make([]byte, 4096)
	for todo.Add(-1) >= 0 {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		for n := 0; !bytes.HasSuffix(buffer[:n], body); {
			m, err := conn.Read(buffer[n:])
			if err != nil {
				return err
			}
			n += m
		}
	}
	return nil
}

// rawOrigin answers every request with 64 bytes and returns its address.
func rawOrigin(b *testing.B) string {
	b.Helper()
	listener := proxytest.Listen(b)
	b.Cleanup(func() { _ = listener.Close() })
	response := append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 64\r\n\r\n"),
		bytes.Repeat([]byte("x"), 64)...)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					for line := []byte(nil); len(line) != len("\r\n"); {
						if line, err = r.ReadSlice('\n'); err != nil {
							return
						}
					}
					if _, err := conn.Write(response); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}
