package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// strayRequests names a variable that says how many requests TestStrayBytes sends.
const strayRequests = "DYNLB_STRAY_REQUESTS"

// The ways in which a response can end.
const (
	answersHead = iota
	noContent
	notModified
	sized
	chunked
	afterInterim
	endings
)

// litterer is an instance that sends, after the responses of some kinds, bytes that
// look like a whole response to another request.
type litterer struct {
	kinds [endings]bool
	// sometimes: not after every response of these kinds.
	sometimes bool
	littered  atomic.Int64
}

const litter = "HTTP/1.1 200 OK\r\nX-Id: stray\r\nContent-Length: 5\r\n\r\nstray"

// serve answers the requests on one connection. Each says in its path which kind
// of response it wants, and its number, which the response proves to be for.
func (s *litterer) serve(c *proxytest.Peer) {
	for head := c.Head(); head != nil; head = c.Head() {
		_, rest, _ := strings.Cut(head[0], " /")
		kindText, rest, _ := strings.Cut(rest, "/")
		id, _, _ := strings.Cut(rest, " ")
		kind, _ := strconv.Atoi(kindText)
		b := append([]byte(nil), strayResponse(kind, id)...)
		began := time.Now()
		delay := time.Duration(rand.Int64N(int64(5 * time.Millisecond)))
		littering := s.kinds[kind] && (!s.sometimes || rand.IntN(4) == 0)
		if littering && delay < time.Millisecond {
			b = append(b, litter...)
		}
		if _, err := c.Write(b); err != nil {
			return
		}
		if !littering || delay < time.Millisecond {
			continue
		}
		time.Sleep(delay)
		if time.Since(began) > policy.Settle/2 {
			continue // this process was held up: nothing is promised for so late a byte
		}
		s.littered.Add(1)
		if _, err := io.WriteString(c, litter); err != nil {
			return
		}
	}
}

// strayResponse is the response of a kind to the request of a number.
func strayResponse(kind int, id string) string {
	head := "X-Id: " + id + "\r\n"
	switch kind {
	case answersHead:
		return "HTTP/1.1 200 OK\r\n" + head + "Content-Length: 100\r\n\r\n"
	case noContent:
		return "HTTP/1.1 204 No Content\r\n" + head + "\r\n"
	case notModified:
		return "HTTP/1.1 304 Not Modified\r\n" + head + "\r\n"
	case chunked:
		return fmt.Sprintf("HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(id), id)
	case afterInterim:
		return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + strayResponse(sized, id)
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(id), id)
}

// TestStrayBytes: what an instance sends without being asked is never given to a
// client. Every response proves whose it is.
//
// A kind of response that can have content is followed by stray bytes always, if
// it ever is: an instance that has not sent any for long counts as proven.
func TestStrayBytes(t *testing.T) {
	t.Parallel()
	requests := 20_000
	if testing.Short() {
		requests = 4_000
	}
	if n, err := strconv.Atoi(os.Getenv(strayRequests)); err == nil {
		requests = n
	}
	const rounds = 48
	for round := range rounds {
		s := &litterer{}
		for kind := range s.kinds {
			s.kinds[kind] = round < rounds/2 && rand.IntN(2) == 0
		}
		if round >= rounds/2 { // kinds that are never trusted may do it now and then
			s.sometimes = true
			s.kinds[rand.IntN(sized)] = true
		}
		t.Run(fmt.Sprintf("%v,%v", s.kinds, s.sometimes), func(t *testing.T) {
			t.Parallel()
			s.round(t, requests/rounds)
		})
	}
}

// round sends so many requests to two instances.
func (s *litterer) round(t *testing.T, requests int) {
	const clients = 48
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, s.serve), proxytest.Script(t, s.serve)}, unproven: true})
	done := make(chan struct{})
	go func() { // ends with the round
		for range requests {
			<-f.records
		}
		close(done)
	}()
	var sent atomic.Int64
	var talking sync.WaitGroup
	for n := range clients {
		c := proxytest.Dial(t, f.address)
		talking.Go(func() {
			for kind := n % endings; sent.Add(1) <= int64(requests); kind = rand.IntN(endings) {
				if err := askWhose(c, kind, fmt.Sprintf("%d-%d", n, rand.Int())); err != nil {
					t.Error(err)
					sent.Add(int64(requests)) // enough
				}
			}
		})
	}
	talking.Wait()
	if !t.Failed() {
		<-done
	}
	t.Logf("%d requests, stray bytes %d times", requests, s.littered.Load())
}

// TestStrayAfterAPause: an instance that is held up between a head and the stray bytes
// after it, for longer than policy.Settle, gives them to no client. It had only responses
// with content before.
func TestStrayAfterAPause(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		late := ""
		for head := c.Head(); head != nil; head = c.Head() {
			_, _ = io.WriteString(c, late) // after the next request was sent
			kind := sized
			late = ""
			if strings.HasPrefix(head[0], "HEAD ") {
				kind, late = answersHead, litter
			}
			_, _ = io.WriteString(c, strayResponse(kind, "x"))
		}
	})}})
	c := proxytest.Dial(t, f.address)
	for range 4 {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			c.Send(method + " / HTTP/1.1\nHost: a\n\n")
			res, err := readFinal(c.R, method)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, res)
			if got := res.Header.Get("X-Id"); got != "x" {
				t.Errorf("%s: got the response for %q", method, got)
			}
		}
		time.Sleep(policy.Settle * 3 / 2) // nothing notifies that a connection has rested
	}
}

// askWhose sends a request, and returns an error unless the response is for it.
func askWhose(c *proxytest.Peer, kind int, id string) error {
	method := http.MethodGet
	if kind == answersHead {
		method = http.MethodHead
	}
	if _, err := fmt.Fprintf(c, "%s /%d/%s HTTP/1.1\r\nHost: a\r\n\r\n", method, kind, id); err != nil {
		return err
	}
	res, err := readFinal(c.R, method)
	if err != nil {
		return fmt.Errorf("request %s of kind %d: %w", id, kind, err)
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("request %s of kind %d: %w", id, kind, err)
	}
	want := map[int]string{sized: id, chunked: id, afterInterim: id}[kind]
	if got := res.Header.Get("X-Id"); got != id || string(content) != want {
		return fmt.Errorf("request %s of kind %d: %d with the response for %q: %q", id, kind, res.StatusCode, got, content)
	}
	return nil
}

// readFinal reads the final response to a request.
func readFinal(r *bufio.Reader, method string) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil || res.StatusCode >= 200 {
			return res, err
		}
	}
}
