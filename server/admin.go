package server

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/gen"
	"github.com/dynlb/dynlb/internal/dashboard"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// The time that a client of admin HTTP has to send the header, to send the whole
// request, to receive the response, and to send the next request. Streams have no
// time limit.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
)

// index is what / answers.
const index = `dynlb control plane; with several apps, add ?app=NAME or {"app": "NAME"}

GET  /lb-status           the instances, in short; those of all apps without ?app=
GET  /v1/apps             the names of the apps
GET  /v1/status           the whole state
POST /v1/scale            set the number of instances: {"target": 4, "hold": "60s"}
POST /v1/restart          replace all instances, new ones first: {"maxSurge": 1}
POST /v1/drain            replace one instance: {"instanceId": "UUID"}
POST /v1/reload           read the config again, and answer when it is in force: {}
POST /v1/stop             stop dynlb: {"now": false}
POST /v1/deploy           put another version in force: {"version": "v2", "canary": 0.1}
POST /v1/rollback         end the deploy in progress, or go back to the previous version: {}
POST /v1/upgrade          put another binary of dynlb in the place of this one: {"path":"/usr/bin/dynlb"}
POST /v1/pause            have requests wait: {}
POST /v1/resume           end that: {}
GET  /v1/instances/watch  the whole state whenever it changes, one JSON a line
GET  /v1/history          figures over time: ?from=2026-01-02T03:04:05Z&step=60s
GET  /v1/events           events of the past: ?since=2026-01-02T03:04:05Z&newestFirst=true
GET  /v1/logs             what instances print, one JSON a line: ?tail=100&follow=true
GET  /openapi.json        the description of the above
GET  /healthz             200 while dynlb runs
GET  /readyz              200 when requests can be served
GET  /metrics             Prometheus metrics
`

// newAdmin returns the admin HTTP server. It speaks only HTTP/1.1, over TLS too:
// an idle connection of HTTP/2 delays Shutdown by a second, and nothing here gains
// from HTTP/2.
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
		ErrorLog:          log.New(&errorLog{log: s.log}, "", 0),
	}
}

// serveHTTP serves admin HTTP, with TLS if Auth has certificates.
func (s *Server) serveHTTP(l net.Listener) error {
	if s.http.TLSConfig == nil {
		return s.http.Serve(l)
	}
	return s.http.ServeTLS(l, "", "")
}

// adminHandler returns what admin HTTP serves: health for all clients, and the
// rest for those that Auth admits. The page holds no secret: it asks for the token.
func (s *Server) adminHandler(options Options, control *control, page http.Handler) http.Handler {
	const get, head, post = http.MethodGet, http.MethodHead, http.MethodPost
	watch := only(withoutTimeLimit(s.watchHTTP(control)), get)
	mux := http.NewServeMux()
	mux.Handle(statusPath, s.StatusHandler())
	mux.Handle("/v1/apps", only(s.gateway, get, head))
	mux.Handle("/v1/status", only(s.gateway, get, head))
	mux.Handle("/v1/scale", only(s.gateway, post))
	mux.Handle("/v1/pause", only(s.gateway, post))
	mux.Handle("/v1/resume", only(s.gateway, post))
	mux.Handle("/v1/drain", only(s.gateway, post))
	mux.Handle("/v1/restart", only(withoutTimeLimit(s.gateway), post))
	mux.Handle("/v1/reload", only(withoutTimeLimit(s.gateway), post))
	mux.Handle("/v1/stop", only(s.gateway, post))
	mux.Handle("/v1/deploy", only(withoutTimeLimit(s.gateway), post))
	mux.Handle("/v1/rollback", only(withoutTimeLimit(s.gateway), post))
	mux.Handle("/v1/upgrade", only(withoutTimeLimit(s.gateway), post))
	mux.Handle("/v1/instances:watch", watch)
	mux.Handle("/v1/instances/watch", watch)
	mux.Handle("/v1/history", only(s.gateway, get, head))
	mux.Handle("/v1/events", only(s.gateway, get, head))
	mux.Handle("/v1/logs", only(withoutTimeLimit(s.gateway), get))
	mux.Handle("/openapi.json", only(content("application/json", gen.OpenAPI), get, head))
	mux.Handle("/metrics", only(options.Metrics.handler(), get, head))
	mux.Handle("/{$}", only(content("text/plain; charset=utf-8", index), get, head))
	mux.HandleFunc("/", notFound)

	front := http.NewServeMux()
	front.Handle("/healthz", only(content("text/plain; charset=utf-8", "ok\n"), get, head))
	front.Handle("/readyz", only(http.HandlerFunc(s.readyz), get, head))
	files := s.admitCertificate(only(page, get, head))
	front.Handle(dashboard.Assets, files)
	front.Handle("/{$}", indexOrPage(files, s.admitHTTP(mux)))
	front.Handle("/login", only(http.HandlerFunc(s.logIn), post))
	front.Handle("/logout", only(http.HandlerFunc(s.logOut), post))
	front.Handle("/", s.admitHTTP(mux))
	return newOriginCheck(options.Hosts, s.auth.certifies).before(http.MaxBytesHandler(front, maxMessage))
}

// readyz answers 200 when every app can serve requests, and 503 with the reason
// when one cannot.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.unready(); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	io.WriteString(w, "ok\n")
}

// unready returns why an app cannot serve requests, or nil.
func (s *Server) unready() error {
	if s.shuttingDown.Load() {
		return registry.ErrClosed
	}
	all := s.apps.all()
	for i := range all {
		now := all[i].Board.Snapshot()
		err := unready(&now)
		switch {
		case err == nil:
		case len(all) == 1:
			return err
		default:
			return fmt.Errorf("app %s: %w", all[i].Name, err)
		}
	}
	return nil
}

// unready returns why the app cannot serve requests, or nil.
func unready(now *notice.Snapshot) error {
	switch {
	case now.Count(registry.Ready) > 0:
		return nil
	case now.Trouble != "":
		return fmt.Errorf("no instance is ready: %s", now.Trouble)
	case now.Target == 0 && now.Bounds.Max > 0:
		return nil // with a target of 0, the next request starts an instance
	case now.Count(registry.Starting) > 0:
		return fmt.Errorf("no instance is ready: %d starting", now.Count(registry.Starting))
	default:
		return errors.New("no instance is ready")
	}
}

// only passes requests with the given methods to h, and refuses the others. A HEAD
// arrives as a GET; net/http omits the body of the response.
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

// withoutTimeLimit removes the server's time limits from h, which streams.
func withoutTimeLimit(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := errors.Join(control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})); err != nil {
			writeError(w, http.StatusInternalServerError, fmt.Sprintf("remove time limit: %v", err))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// content answers every request with body.
func content(contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, "there is no "+r.URL.Path)
}
