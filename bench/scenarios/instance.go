package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// app is the app of a scenario.
type app struct {
	boot        time.Duration
	service     time.Duration
	exponential bool
	concurrency int     // requests that an instance works on at the same time; 0: any number
	slowPort    int     // the instance on this port is slower; 0: none
	slower      float64 // by this factor
}

// args are the arguments that make this program an instance of the app on a port.
func (a app) args(port string) []string {
	return []string{
		"instance", "-port", port, "-boot", a.boot.String(), "-service", a.service.String(),
		"-exponential=" + strconv.FormatBool(a.exponential), "-concurrency", strconv.Itoa(a.concurrency),
		"-slow-port", strconv.Itoa(a.slowPort), "-slower", fmt.Sprint(a.slower),
	}
}

// instanceMain serves as one instance until ctx ends.
func instanceMain(ctx context.Context, args []string) error {
	var a app
	var port int
	flags := flag.NewFlagSet("instance", flag.ContinueOnError)
	flags.IntVar(&port, "port", 0, "")
	flags.DurationVar(&a.boot, "boot", 0, "")
	flags.DurationVar(&a.service, "service", 0, "")
	flags.BoolVar(&a.exponential, "exponential", false, "")
	flags.IntVar(&a.concurrency, "concurrency", 0, "")
	flags.IntVar(&a.slowPort, "slow-port", 0, "")
	flags.Float64Var(&a.slower, "slower", 1, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if port == a.slowPort {
		a.service = time.Duration(a.slower * float64(a.service))
	}
	select {
	case <-time.After(a.boot):
	case <-ctx.Done():
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	var places chan struct{}
	if a.concurrency > 0 {
		places = make(chan struct{}, a.concurrency)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/sit", sit)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", strconv.Itoa(port))
		if places != nil {
			places <- struct{}{} // first come, first served, also for a client that has left: as a server with one thread
			defer func() { <-places }()
		}
		time.Sleep(a.work(r))
		_, _ = w.Write([]byte("done\n"))
	})
	server := &http.Server{Handler: mux}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_ = server.Serve(listener)
	return nil
}

// work returns how long a request takes. The client draws how much it is of the mean, so
// that all systems get the same.
func (a app) work(r *http.Request) time.Duration {
	if !a.exponential {
		return a.service
	}
	share, err := strconv.ParseFloat(r.URL.Query().Get("share"), 64)
	if err != nil {
		share = 1
	}
	return time.Duration(share * float64(a.service))
}

// sit is a stream without content: a connection that is upgraded, or server-sent
// events. It ends when the client does.
func sit(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
	_, _ = conn.Read(make([]byte, 1))
}
