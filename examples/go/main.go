// A small web app to run behind dynlb, in one file and with the standard
// library alone. An app needs two things: it listens on the port it
// is given, and GET /health answers 200 when it can take requests. The rest shows
// kinds of traffic and how to stop without losing a request.
package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
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

// ws sends every WebSocket message back. The standard library has no WebSocket,
// so here is an echo by hand (RFC 6455); an app with more to say would use
// github.com/coder/websocket.
func (a *app) ws(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this path speaks WebSocket", http.StatusUpgradeRequired)
		return
	}
	a.sockets.Add(1)
	defer a.sockets.Done()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Time{})
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	if rw.Flush() != nil {
		return
	}
	echoFrames(conn, rw.Reader, a.stopping)
}

// echoFrames sends each frame back as it came, so that a message in several
// frames stays one; it answers a ping with a pong, and a close with a close.
func echoFrames(conn net.Conn, r *bufio.Reader, stopping <-chan struct{}) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stopping:
			conn.SetDeadline(time.Now().Add(time.Second)) // for the client's answer
			conn.Write(closeFrame(1001))
		case <-done:
		}
	}()
	for {
		first, payload, err := readFrame(r)
		if err != nil {
			return
		}
		switch opcode := first & 0x0f; {
		case payload == nil:
			conn.Write(closeFrame(1009))
			conn.SetDeadline(time.Now().Add(time.Second))
			io.Copy(io.Discard, r) // until the client has left
			return
		case opcode == 9:
			first = first&0xf0 | 10
		case opcode == 10:
			continue
		}
		if _, err := conn.Write(frame(first, payload)); err != nil || first&0x0f == 8 {
			return
		}
	}
}

// readFrame reads one frame: its first byte and its payload without the mask,
// or nil when that is over maxEcho.
func readFrame(r *bufio.Reader) (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	if head[1] < 0x80 {
		return 0, nil, errors.New("a client's frame has no mask")
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		_, err = io.ReadFull(r, head[8:])
		size = uint64(binary.BigEndian.Uint16(head[8:]))
	case 127:
		_, err = io.ReadFull(r, head[2:])
		size = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil || size > maxEcho {
		return head[0], nil, err
	}
	masked := make([]byte, 4+size)
	if _, err := io.ReadFull(r, masked); err != nil {
		return 0, nil, err
	}
	mask, payload := masked[:4], masked[4:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0], payload, nil
}

func frame(first byte, payload []byte) []byte {
	var head []byte
	switch n := len(payload); {
	case n < 126:
		head = []byte{first, byte(n)}
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(n))
	default:
		head = binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(n))
	}
	return append(head, payload...)
}

// closeFrame makes a close frame with a status of RFC 6455, section 7.4.1.
func closeFrame(status uint16) []byte {
	return frame(0x88, binary.BigEndian.AppendUint16(nil, status))
}
