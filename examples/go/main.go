// A small web app to run behind dynlb, with the standard library alone. An app
// needs two things: it listens on the port it is given, and GET /health answers
// 200 when it can take requests. The rest shows kinds of traffic and how to stop
// without losing a request; websocket.go has the frames of WebSocket.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxEcho bounds, in bytes, the body that /echo puts into its JSON and a
// WebSocket frame.
const maxEcho = 1 << 20

func main() {
	// config.yaml has dynlb pass --port N; it sets PORT in the environment too.
	port := flag.String("port", cmp.Or(os.Getenv("PORT"), "3000"), "the `port` to listen on")
	flag.Parse()
	if err := run(*port); err != nil {
		log.Fatal(err)
	}
}

// run serves until the app is asked to stop, and then finishes the requests in
// flight. dynlb sends SIGTERM once there are none, and SIGKILL when the app is
// still there 5 s later.
func run(port string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	// Only dynlb talks to the app, and it does so on this machine.
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	a := &app{port: port, stopping: ctx.Done()}
	var unused sync.Map // the connections that have not carried a request yet
	server := &http.Server{
		Handler:           a.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				unused.Store(conn, nil)
			} else {
				unused.Delete(conn)
			}
		},
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Printf("listening on http://%s/", listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// Without Shutdown the app would end at once and drop what it is doing. It
	// would wait for the first request of a new connection, which need not come.
	unused.Range(func(conn, _ any) bool {
		conn.(net.Conn).Close()
		return true
	})
	grace, giveUp := context.WithTimeout(context.Background(), 4*time.Second)
	defer giveUp()
	err = server.Shutdown(grace)
	a.sockets.Wait() // each ends by itself when stopping is closed
	return err
}

type app struct {
	port     string
	stopping <-chan struct{} // closed when the app has been asked to stop
	sockets  sync.WaitGroup  // the open WebSockets, which Shutdown does not wait for
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/{$}", a.hello)
	mux.HandleFunc("/slow", a.slow)
	mux.HandleFunc("/sse", a.sse)
	mux.HandleFunc("/ws", a.ws)
	mux.HandleFunc("/echo", a.echo)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not found", http.StatusNotFound) })
	return mux
}

func (a *app) hello(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "Hello from Go on port %s, pid %d\n", a.port, os.Getpid())
}

// slow answers after ?ms= milliseconds, to make load with.
func (a *app) slow(w http.ResponseWriter, r *http.Request) {
	wait, err := milliseconds(r, "1000", 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(wait):
		fmt.Fprintf(w, "slept %d ms\n", wait.Milliseconds())
	case <-r.Context().Done(): // the client has gone
	}
}

// sse sends server-sent events, one every ?ms= milliseconds, until the client
// leaves.
func (a *app) sse(w http.ResponseWriter, r *http.Request) {
	interval, err := milliseconds(r, "1000", 10)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "data: tick %d from port %s\n\n", n, a.port)
		http.NewResponseController(w).Flush()
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-a.stopping: // never-ending responses end here, or the app could not
			return
		}
	}
}

// echo describes the request as JSON; POST /echo?raw=1 streams the body back.
func (a *app) echo(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Query().Get("raw") == "1" {
		w.Header().Set("Content-Type", cmp.Or(r.Header.Get("Content-Type"), "application/octet-stream"))
		stream(w, r.Body)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEcho))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		http.Error(w, fmt.Sprintf("the body is over %d bytes", maxEcho), http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		return // the client has gone
	}
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "target": r.RequestURI, "headers": headers, "body": string(body),
	})
}

// stream sends each piece of body back as soon as it is there.
func stream(w http.ResponseWriter, body io.Reader) {
	control := http.NewResponseController(w)
	control.EnableFullDuplex() // without it the first Flush would close the body
	for buf := make([]byte, 32<<10); ; {
		n, err := body.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil || err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // half a body must not look like a whole one
		}
		control.Flush()
	}
}

// milliseconds reads ?ms=.
func milliseconds(r *http.Request, unset string, smallest uint64) (time.Duration, error) {
	ms, err := strconv.ParseUint(cmp.Or(r.URL.Query().Get("ms"), unset), 10, 32)
	if err != nil || ms < smallest || ms > 60000 {
		return 0, fmt.Errorf("ms must be a whole number from %d to 60000", smallest)
	}
	return time.Duration(ms) * time.Millisecond, nil
}
