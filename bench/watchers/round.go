package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many clients send requests.
const connections = 64

// answer is what the instances answer.
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// balancer is the child, as the parent knows it.
type balancer struct {
	cmd          *exec.Cmd
	events       io.WriteCloser
	origin       net.Listener
	control, web string // addresses
}

// start starts the child, and the instances in this process.
func start() (*balancer, error) {
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go serveOrigin(origin) // ends with the listener
	b := &balancer{cmd: exec.Command(os.Args[0], childArgument, origin.Addr().String()), origin: origin}
	b.cmd.Stderr = os.Stderr
	output, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if b.events, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(output, &b.control, &b.web); err != nil {
		return nil, errors.Join(fmt.Errorf("start the child: %w", err), b.stop())
	}
	return b, nil
}

// stop ends the child and the instances.
func (b *balancer) stop() error {
	return errors.Join(b.events.Close(), b.cmd.Wait(), b.origin.Close())
}

// serveOrigin answers requests without a body.
func serveOrigin(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { // ends with the connection
			defer conn.Close()
			_ = exchange(conn, "\r\n\r\n", answer, nil)
		}()
	}
}

// exchange writes text for each time that it has read end, until there is an error or
// count returns false.
func exchange(conn net.Conn, end, text string, count func() bool) error {
	buffer, have := make([]byte, 4096), 0
	for {
		n, err := conn.Read(buffer[have:])
		if err != nil {
			return err
		}
		if have += n; !strings.HasSuffix(string(buffer[:have]), end) {
			continue
		}
		have = 0
		if count != nil && !count() {
			return nil
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
	}
}

// seen is what the watchers of a round have seen.
type seen struct{ events, lost uint64 }

// round returns what a request costs, in microseconds of processor time.
func (b *balancer) round(r *row, length time.Duration) (float64, seen, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watching sync.WaitGroup
	var events, lost atomic.Uint64
	failed := make(chan error, r.watchers)
	for range r.watchers {
		began := make(chan struct{})
		watching.Go(func() { // ends with ctx
			begun := sync.OnceFunc(func() { close(began) })
			defer begun()
			if err := b.watch(ctx, r.query, begun, &events, &lost); ctx.Err() == nil {
				failed <- fmt.Errorf("watch: %w", err)
			}
		})
		<-began // dynlb closes connections when many clients have sent nothing yet
	}
	if _, err := fmt.Fprintln(b.events, r.events); err != nil {
		return 0, seen{}, err
	}
	time.Sleep(length / 4) // until all has its speed
	before := b.used()
	requests, err := b.load(length)
	cost := float64((b.used() - before).Nanoseconds()) / 1e3 / float64(requests)
	if _, failed := fmt.Fprintln(b.events, 0); err == nil {
		err = failed
	}
	cancel()
	watching.Wait()
	close(failed)
	for one := range failed {
		err = errors.Join(err, one)
	}
	return cost, seen{events.Load(), lost.Load()}, err
}

// watch reads a watch over HTTP, and counts its events.
func (b *balancer) watch(ctx context.Context, query string, begun func(), events, lost *atomic.Uint64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.control+"/v1/instances/watch"+query, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		begun()
		events.Add(uint64(strings.Count(string(line), `"EVENT_TYPE_`)))
		if _, rest, found := strings.Cut(string(line), `"eventsDropped":`); found {
			var dropped string
			if err := json.NewDecoder(strings.NewReader(rest)).Decode(&dropped); err != nil {
				return err
			}
			n, _ := strconv.ParseUint(dropped, 10, 64) // of dynlb
			lost.Add(n)
		}
	}
}

// load sends requests for a time, and returns how many were answered.
func (b *balancer) load(length time.Duration) (int64, error) {
	const request = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
	var clients sync.WaitGroup
	var requests atomic.Int64
	end := time.Now().Add(length)
	failed := make(chan error, connections)
	for range connections {
		clients.Go(func() {
			conn, err := net.Dial("tcp", b.web)
			if err != nil {
				failed <- err
				return
			}
			defer conn.Close()
			if _, err = io.WriteString(conn, request); err == nil {
				err = exchange(conn, "ok", request, func() bool { requests.Add(1); return time.Now().Before(end) })
			}
			failed <- err
		})
	}
	clients.Wait()
	close(failed)
	var all error
	for err := range failed {
		all = errors.Join(all, err)
	}
	return requests.Load(), all
}

// used returns the processor time of the child's threads.
func (b *balancer) used() time.Duration {
	var sum time.Duration
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", b.cmd.Process.Pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // of a thread that has ended
		first, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}
