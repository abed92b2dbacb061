package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// startBare starts "bench proxy": the standard library's ReverseProxy with
// nothing around it, the price of dynlb's net/http lane before dynlb.
func startBare(ctx context.Context, s *site) (target, error) {
	port, err := freePorts(1)
	if err != nil {
		return target{}, err
	}
	cmd := exec.Command(s.self, "proxy", "--port", strconv.Itoa(port), "--origins", strings.Join(s.origins, ","))
	cmd.Env = s.goEnv()
	t, err := startListening(ctx, s, "bare", loopback(port), cmd)
	t.collects = true
	t.version = runtime.Version()
	return t, err
}

// bareMain is "bench proxy --port N --origins a,b".
func bareMain(ctx context.Context, args []string) error {
	flags := newFlagSet("bench proxy")
	port := flags.Int("port", 0, "port to listen on, 127.0.0.1")
	origins := flags.String("origins", "", "host:port list to balance over")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", loopback(*port))
	if err != nil {
		return err
	}
	server := http.Server{Handler: newBareProxy(strings.Split(*origins, ","))}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// newBareProxy balances round robin over origins.
func newBareProxy(origins []string) http.Handler {
	var next atomic.Uint64
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = origins[next.Add(1)%uint64(len(origins))]
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport:  bareTransport(),
		BufferPool: &bufferPool{},
	}
}

// bareTransport is tuned as dynlb's net/http lane is: keep these settings equal
// to what package proxy does (upstream.go, pool.go), or the ratio compares
// settings.
func bareTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   4096, // as good as no limit
		IdleConnTimeout:       4 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, // requestTimeout
		ExpectContinueTimeout: time.Second,
	}
}

// bufferPool lends the copy buffers of ReverseProxy.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
