// Package demo is the web app that dynlb balances when the config names none. It has
// a page for browsers, a route that makes load, and one route for each kind of
// traffic that a load balancer must carry correctly.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// shutdownTimeout is how long requests in flight may take to finish once Run has
// been asked to end. It is below dynlb's default stopTimeout of 5 s, after which
// an instance is killed.
const shutdownTimeout = 4 * time.Second

// Options say where to serve. The zero value serves on any free port of the
// loopback address and writes nothing.
type Options struct {
	// Host is the address to listen on; empty means 127.0.0.1.
	Host string
	// Port is the TCP port to listen on; 0 means any free one.
	Port int
	// Socket is the path of a Unix socket to listen on, in place of the port.
	Socket string
	// Output gets one line with the URL once the listener is open; nil means no
	// line. Run does not write to it after that.
	Output io.Writer
}

// Run serves the demo backend until ctx ends; then it stops accepting, ends its
// never-ending responses, gives the others up to 4 s to finish, and returns nil
// when they did. It fails at once when it cannot listen.
func Run(ctx context.Context, opts Options) error {
	host := opts.Host
	if host == "" {
		host = "127.0.0.1"
	}
	network, address := "tcp", net.JoinHostPort(host, strconv.Itoa(opts.Port))
	if opts.Socket != "" {
		network, address = "unix", opts.Socket
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, network, address)
	if err != nil {
		return fmt.Errorf("start demo backend: %w", err)
	}
	if opts.Output != nil {
		_, _ = fmt.Fprintf(opts.Output, "demo backend on http://%s/, pid %d\n", listener.Addr(), os.Getpid())
	}
	return serve(ctx, listener, shutdownTimeout)
}

// portOf returns the port of a listener, or 0 if it has none.
func portOf(l net.Listener) int {
	if address, ok := l.Addr().(*net.TCPAddr); ok {
		return address.Port
	}
	return 0
}

// serve is Run on an open listener, which it closes.
func serve(ctx context.Context, listener net.Listener, timeout time.Duration) error {
	b := newBackend(portOf(listener))

	// Requests outlive ctx: they are drained, not cut off. cutOff ends the ones
	// that do not finish in time.
	requests, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	var unused sync.Map // net.Conn: the ones that have not carried a request yet
	server := &http.Server{
		Handler:     b.handler(),
		BaseContext: func(net.Listener) context.Context { return requests },
		// dynlb sends a head at once; a slower client is not dynlb.
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				unused.Store(conn, nil)
			} else {
				unused.Delete(conn)
			}
		},
	}

	// Ends with the Shutdown or Close below; received from before returning.
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err := <-served:
		return fmt.Errorf("serve demo backend: %w", err)
	case <-ctx.Done():
	}

	close(b.stopping)
	// Shutdown would give them 5 s to send a request; a proxy's pool holds
	// connections that never do.
	unused.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close()
		return true
	})
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop demo backend: requests unfinished after %v: %w", timeout, err), server.Close())
	}
	// Shutdown does not know hijacked connections: the WebSockets are joined here.
	stop := context.AfterFunc(grace, cutOff)
	defer stop()
	b.sockets.Wait()
	if cause := <-served; !errors.Is(cause, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve demo backend: %w", cause))
	}
	return err
}
