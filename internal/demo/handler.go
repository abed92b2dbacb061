package demo

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxBody bounds, in bytes, the body that /echo puts into its JSON and a
	// WebSocket message.
	maxBody = 1 << 20
	// maxWait bounds ?ms=.
	maxWait = 60 * time.Second
)

// page is served to browsers. Its placeholders are filled in by index.
//
//go:embed index.html
var page string

// Handler returns the demo backend's routes, for an instance that is named by its
// port. Each call returns a handler with a count and a start time of its own.
// Every response names the instance in the header X-Instance.
//
//	/             the instance that answered: HTML for a browser, else JSON or text
//	/health       200 "ok"
//	/slow?ms=     answers after 0 to 60000 ms; unset: 1000
//	/sse?ms=      server-sent events, one every 10 to 60000 ms; unset: 1000
//	/ws           WebSocket that sends each message back, up to 1 MiB
//	/echo         method, target, headers and body (up to 1 MiB) as JSON;
//	              POST /echo?raw=1 streams the body back
func Handler(port int) http.Handler {
	return newBackend(port).handler()
}

// backend is one instance.
type backend struct {
	port     int
	start    time.Time
	requests atomic.Uint64  // answered or in flight, health checks not counted
	stopping chan struct{}  // closed when never-ending responses have to end
	sockets  sync.WaitGroup // the open WebSockets
}

func newBackend(port int) *backend {
	return &backend{port: port, start: time.Now(), stopping: make(chan struct{})}
}

func (b *backend) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("/{$}", b.index)
	mux.HandleFunc("/slow", b.slow)
	mux.HandleFunc("/sse", b.sse)
	mux.HandleFunc("/ws", b.ws)
	mux.HandleFunc("/echo", b.echo)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not found; there are /, /health, /slow?ms=, /sse, /ws and /echo", http.StatusNotFound)
	})
	instance := strconv.Itoa(b.port)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			b.requests.Add(1)
		}
		w.Header().Set("X-Instance", instance)
		mux.ServeHTTP(w, r)
	})
}

// identity is the JSON form of /.
type identity struct {
	Port          int     `json:"port"`
	PID           int     `json:"pid"`
	UptimeSeconds float64 `json:"uptimeSeconds"`
	Requests      uint64  `json:"requests"`
}

// index describes the instance, in the form the client asks for.
func (b *backend) index(w http.ResponseWriter, r *http.Request) {
	uptime := time.Since(b.start)
	id := identity{Port: b.port, PID: os.Getpid(), UptimeSeconds: uptime.Seconds(), Requests: b.requests.Load()}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = strings.NewReplacer(
			"{{port}}", strconv.Itoa(id.Port),
			"{{pid}}", strconv.Itoa(id.PID),
			"{{uptime}}", uptime.Round(time.Second).String(),
			"{{requests}}", strconv.FormatUint(id.Requests, 10),
		).WriteString(w, page)
	case strings.Contains(accept, "application/json"):
		writeJSON(w, id)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "dynlb demo backend on port %d, pid %d, up %v, request %d\n",
			id.Port, id.PID, uptime.Round(time.Second), id.Requests)
	}
}

func (b *backend) slow(w http.ResponseWriter, r *http.Request) {
	wait, err := milliseconds(r, time.Second, 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "slept %d ms\n", wait.Milliseconds())
	case <-r.Context().Done(): // the client has gone
	}
}

// echo describes the request; in its raw form it streams the body back.
func (b *backend) echo(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Query().Get("raw") == "1" {
		echoBody(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		http.Error(w, fmt.Sprintf("the body is over %d bytes; POST /echo?raw=1 has no bound", maxBody),
			http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "cannot read the body: "+err.Error(), http.StatusBadRequest)
		return
	}
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	writeJSON(w, map[string]any{
		"method": r.Method, "target": r.RequestURI, "headers": headers, "body": string(body),
	})
}

// milliseconds reads ?ms=, which must lie between shortest and maxWait.
func milliseconds(r *http.Request, unset, shortest time.Duration) (time.Duration, error) {
	value := r.URL.Query().Get("ms")
	if value == "" {
		return unset, nil
	}
	ms, err := strconv.ParseUint(value, 10, 32)
	wait := time.Duration(ms) * time.Millisecond
	if err != nil || wait < shortest || wait > maxWait {
		return 0, fmt.Errorf("ms is %q; it must be a whole number from %d to %d",
			value, shortest.Milliseconds(), maxWait.Milliseconds())
	}
	return wait, nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
