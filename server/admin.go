package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/gen"
	"github.com/dynlb/dynlb/internal/registry"
)

// The time that admin HTTP gives its clients: to send the header, to send all
// of the request, to take the response, and to ask again. A watch takes as long
// as it likes.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
)

// index is what / answers.
const index = `dynlb control plane

GET  /lb-status           the instances, in short
GET  /v1/status           the whole state
POST /v1/scale            set the number of instances: {"target": 4, "hold": "60s"}
POST /v1/restart          replace all instances, new ones first: {"maxSurge": 1}
GET  /v1/instances:watch  the whole state whenever it changes, one JSON a line
GET  /openapi.json        the description of the above
GET  /healthz             200 while dynlb runs
GET  /readyz              200 when requests can be served
GET  /metrics             Prometheus metrics
`

// newAdmin returns the admin HTTP server. It speaks HTTP/1.1 only, over TLS too:
// a connection of HTTP/2 that is idle holds up Shutdown for a second, and nothing
// here gains by it.
func (s *Server) newAdmin(handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		TLSConfig:         s.auth.tlsConfig("http/1.1"),
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// serveHTTP serves admin HTTP, with TLS if there are certificates.
func (s *Server) serveHTTP(l net.Listener) error {
	if s.http.TLSConfig == nil {
		return s.http.Serve(l)
	}
	return s.http.ServeTLS(l, "", "")
}

// adminHandler returns all that admin HTTP serves: health to everybody, and the
// rest to those whom Auth lets in.
func (s *Server) adminHandler(options Options) http.Handler {
	const get, head, post = http.MethodGet, http.MethodHead, http.MethodPost
	mux := http.NewServeMux()
	mux.Handle(statusPath, s.StatusHandler())
	mux.Handle("/v1/status", only(s.gateway, get, head))
	mux.Handle("/v1/scale", only(s.gateway, post))
	mux.Handle("/v1/restart", only(unhurried(s.gateway), post))
	mux.Handle("/v1/instances:watch", only(unhurried(s.gateway), get))
	mux.Handle("/openapi.json", only(content("application/json", gen.OpenAPI), get, head))
	mux.Handle("/metrics", only(options.Metrics.handler(), get, head))
	mux.Handle("/{$}", only(content("text/plain; charset=utf-8", index), get, head))
	mux.HandleFunc("/", notFound)

	front := http.NewServeMux()
	front.Handle("/healthz", only(content("text/plain; charset=utf-8", "ok\n"), get, head))
	front.Handle("/readyz", only(http.HandlerFunc(s.readyz), get, head))
	front.Handle("/", s.admitHTTP(mux))
	return newGuard(options.Hosts, s.auth.names).protect(http.MaxBytesHandler(front, maxMessage))
}

// readyz answers 200 when requests can be served, and 503 with the reason when
// they cannot.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.unready(); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	io.WriteString(w, "ok\n")
}

// unready returns why requests cannot be served, or nil.
func (s *Server) unready() error {
	if s.shuttingDown.Load() {
		return registry.ErrClosed
	}
	now := s.board.Snapshot()
	switch {
	case now.Count(registry.Ready) > 0:
		return nil
	case now.Trouble != "":
		return fmt.Errorf("no instance is ready: %s", now.Trouble)
	case now.Target == 0 && now.Bounds.Max > 0:
		return nil // scaled to zero: the next request starts an instance
	case now.Count(registry.Starting) > 0:
		return fmt.Errorf("no instance is ready: %d starting", now.Count(registry.Starting))
	default:
		return errors.New("no instance is ready")
	}
}

// only lets the given methods through to h. HEAD arrives as GET: net/http
// leaves the body out.
func only(h http.Handler, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			allow := strings.Join(methods, ", ")
			w.Header().Set("Allow", allow)
			writeError(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s, not %s", r.URL.Path, allow, r.Method))
			return
		}
		if r.Method == http.MethodHead {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		h.ServeHTTP(w, r)
	})
}

// unhurried lifts the server's time limits from h, which streams.
func unhurried(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
			writeError(w, http.StatusInternalServerError, fmt.Sprintf("lift time limit: %v", err))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// content answers with a constant.
func content(contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, "there is no "+r.URL.Path)
}
