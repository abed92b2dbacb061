//go:build linux

package fast

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// newStreamsClient returns a client of HTTP/2 on one connection.
func newStreamsClient(t testing.TB) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestSessionLoad checks that requests of all sizes, on few connections, get their own
// responses, though some of their neighbours are given up.
func TestSessionLoad(t *testing.T) {
	t.Parallel()
	echoes := func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Trailer", "X-Length")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Length", string(rune('a'+n%26)))
	}
	f := serve(t, Options{}, server(t, echoes), server(t, echoes))
	var clients sync.WaitGroup
	for range 3 {
		client := newStreamsClient(t)
		for i := range 12 {
			clients.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for range 30 {
					echoOnce(t, client, f.address, r)
				}
			})
		}
	}
	clients.Wait()
	for f.inFlight() > 0 {
		time.Sleep(time.Millisecond) // those that were given up; the registry does not report it
	}
}

// echoOnce sends content, and checks that the same comes back, or gives the request up.
func echoOnce(t *testing.T, client *http.Client, address string, r *rand.Rand) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	content := make([]byte, []int{0, 1, 100, 5000, 70000, 700000}[r.IntN(6)])
	for i := 0; i+8 <= len(content); i += 8 {
		binary.NativeEndian.PutUint64(content[i:], r.Uint64())
	}
	var body io.Reader = bytes.NewReader(content)
	if r.IntN(2) == 0 {
		body = io.MultiReader(body) // of unknown length
	}
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address, body)
	res, err := client.Do(request)
	if err != nil {
		t.Errorf("request of %d bytes: %v", len(content), err)
		return
	}
	defer res.Body.Close()
	if r.IntN(5) == 0 {
		_, _ = io.CopyN(io.Discard, res.Body, int64(len(content)/2))
		return
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(got, content) || res.StatusCode != http.StatusOK {
		t.Errorf("%d: %d of %d bytes, %v", res.StatusCode, len(got), len(content), err)
		return
	}
	if want := string(rune('a' + len(content)%26)); res.Trailer.Get("X-Length") != want && len(content) > 4<<10 {
		t.Errorf("trailer %v, want %s", res.Trailer, want)
	}
}

// TestSessionAllocations checks that a request of HTTP/2 whose fields are in the client's
// table allocates nothing, and that no buffer is held when it is over.
func TestSessionAllocations(t *testing.T) {
	f := serve(t, Options{}, frugal(t))
	c := dialStreams(t, f)
	id, buffer := uint32(1), make([]byte, 64<<10)
	var frames bytes.Buffer
	framer := http2.NewFramer(&frames, nil)
	ask := func() {
		frames.Reset()
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode("GET", "/path?query", "user-agent", "test"), EndHeaders: true, EndStream: true})
		if id%64 == 1 {
			_ = framer.WriteWindowUpdate(0, 1<<14)
		}
		id += 2
		_, _ = c.Write(frames.Bytes())
		for n := 0; !bytes.HasSuffix(buffer[:n], []byte("xxxxxxxx")); {
			m, err := c.Conn.Read(buffer[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
	}
	for range 100 {
		ask()
	}
	mine := testing.AllocsPerRun(1000, func() {
		frames.Reset()
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode("GET", "/path?query", "user-agent", "test"), EndHeaders: true, EndStream: true})
	})
	for len(f.records) > 0 {
		<-f.records
	}
	if n := testing.AllocsPerRun(1000, ask); n > mine+1 {
		t.Errorf("%v allocations for a request", n-mine)
	}
	f.inWorkers(func(w *worker) {
		if w.loop.Buffers().InUse() != 0 {
			t.Errorf("%d buffers in use", w.loop.Buffers().InUse())
		}
	})
}

// TestSessionShutdown checks that a shutdown waits for the requests of HTTP/2, asks their
// clients to leave, and answers those that take too long.
func TestSessionShutdown(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	f := serve(t, Options{}, server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		<-goOn
	}))
	c := dialStreams(t, f)
	c.open(1, true, "GET", "/")
	c.open(3, true, "GET", "/slow")
	for f.inFlight() < 2 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(context.Background())
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(ctx) }()
	c.want(t, "go away 0")
	close(goOn)
	c.want(t, "1: headers 200, 2, true")
	cancel()
	var rest []string
	for got := c.next(t); got != "EOF"; got = c.next(t) {
		rest = append(rest, got)
	}
	if !slices.Contains(rest, "3: headers 503, 4, false") {
		t.Errorf("got %q", rest)
	}
	if err := <-down; err == nil {
		t.Error("no error, though a request was cut off")
	}
}
