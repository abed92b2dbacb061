package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// redirectTimeout bounds the parts of an exchange of plain HTTP, which has no content.
	redirectTimeout = 10 * time.Second
	// redirectConnections bounds the connections of plain HTTP, each of which takes a file
	// descriptor that the public listener may need. Further ones wait in the kernel's queue.
	redirectConnections = 256
	// redirectHeader bounds the header of a request, apart from the 4 KiB that net/http adds.
	redirectHeader = 8 << 10
	// httpsPort is the port of a URL of https that names none.
	httpsPort = 443
)

// redirect is the listener for plain HTTP: it answers the challenges of authorities, and
// redirects every other request to HTTPS.
type redirect struct {
	listener net.Listener
	server   *http.Server
}

// newRedirect returns a redirect to the public port. The challenge function answers a
// request of an authority, and returns false for all others.
func newRedirect(l net.Listener, log *slog.Logger, publicPort func() int, challenge func(http.ResponseWriter, *http.Request) bool) *redirect {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if challenge(w, r) {
			return
		}
		to, ok := secureURL(r, publicPort())
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusPermanentRedirect) // the method stays (RFC 9110, 15.4.9)
	})
	s := &http.Server{
		Handler: handler, ReadTimeout: redirectTimeout, WriteTimeout: redirectTimeout, MaxHeaderBytes: redirectHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.SetKeepAlivesEnabled(false)
	return &redirect{listener: l, server: s}
}

// secureURL returns where the target of a request is by HTTPS. A client that came to port
// 80 is sent to port 443, as other programs may forward both; any other to publicPort.
func secureURL(r *http.Request, publicPort int) (string, bool) {
	host, target := r.Host, r.URL.RequestURI()
	if host == "" || target == "" || target[0] != '/' {
		return "", false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = net.JoinHostPort(name, strconv.Itoa(publicPort))
		if publicPort == httpsPort {
			host = host[:len(host)-len(":443")]
		}
	}
	return "https://" + host + target, true
}

// serve serves until stop, or a failure, which it returns.
func (r *redirect) serve() error {
	if err := r.server.Serve(netutil.LimitListener(r.listener, redirectConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stop closes the listener, and waits for requests until ctx ends. Nil: there is none.
func (r *redirect) stop(ctx context.Context) {
	if r == nil {
		return
	}
	if r.server.Shutdown(ctx) != nil {
		_ = r.server.Close() // nothing is lost by a redirect that was not read
	}
}

// socket returns the listener, nil if there is none.
func (r *redirect) socket() net.Listener {
	if r == nil {
		return nil
	}
	return r.listener
}

// port returns the port of the listener, 0 if there is none.
func (r *redirect) port() int {
	if r == nil {
		return 0
	}
	return portOf(r.listener.Addr().String())
}
