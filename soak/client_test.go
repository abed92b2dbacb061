package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scripted serves connections that each take one request after the other and
// answer the n-th of all with answers[n]; "" closes the connection, and so does
// what comes after the last.
func scripted(t *testing.T, answers ...string) (address string, requests, connections *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests, connections = new(atomic.Int32), new(atomic.Int32)
	served := make(chan struct{})
	go func() { // ends with the listener
		defer close(served)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			in := bufio.NewReader(c)
			for {
				request, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, request.Body)
				n := int(requests.Add(1)) - 1
				if n >= len(answers) || answers[n] == "" {
					break
				}
				_, _ = io.WriteString(c, answers[n])
				if !strings.Contains(answers[n], "\r\n\r\n") {
					break // it is not whole
				}
				if strings.HasSuffix(answers[n], "cut") {
					break
				}
			}
			c.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-served
	})
	return listener.Addr().String(), requests, connections
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// get sends one GET.
func get(t *testing.T, c *client) (answer, error) {
	t.Helper()
	a, _, err := c.do(t.Context(), http.MethodGet, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	return a, err
}

func TestClientKeepsConnections(t *testing.T) {
	address, requests, connections := scripted(t, okAnswer, okAnswer,
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", okAnswer)
	c := newClient(address, 1)
	for range 3 {
		if a, err := get(t, c); err != nil || a != (answer{status: 200, body: "ok"}) {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	c.close()
	if requests.Load() != 3 || connections.Load() != 1 {
		t.Errorf("%d requests on %d connections, want 3 on 1", requests.Load(), connections.Load())
	}
	if len(c.idle) != 0 {
		t.Error("it kept a connection that the server closes")
	}
}

// TestClientSendsNothingTwice: not even a GET on a connection that was idle,
// which net/http would.
func TestClientSendsNothingTwice(t *testing.T) {
	address, requests, _ := scripted(t, okAnswer, "", okAnswer)
	c := newClient(address, 1)
	defer c.close()
	if _, err := get(t, c); err != nil {
		t.Fatal(err)
	}
	_, err := get(t, c)
	if _, broken := errors.AsType[*brokenError](err); !broken || !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want a broken connection", err)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("the server got %d requests, want 2", n)
	}
}

func TestClientLeavesStaleConnections(t *testing.T) {
	c := newClient("", 1)
	defer c.close()
	old, fresh := &conn{Conn: half(t)}, &conn{Conn: half(t)}
	c.give(old)
	c.give(fresh)
	old.idleSince = time.Now().Add(-freshFor)
	if n, err := c.take(t.Context()); n != fresh || err != nil {
		t.Errorf("took %v, %v", n, err)
	}
	fresh.Close()
	if n, err := c.take(t.Context()); err == nil {
		t.Errorf("took %v, want an attempt to connect, to nowhere", n)
	}
	if _, err := old.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the stale one is open: %v", err)
	}
}

// half returns one end of a connection whose other end is closed.
func half(t *testing.T) net.Conn {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { b.Close() })
	return a
}

func TestClientIsStrict(t *testing.T) {
	for name, text := range map[string]string{
		"cut body":           "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
		"cut head":           "HTTP/1.1 200 OK\r\nContent-Le",
		"cut chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut",
		"no last chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncut",
		"bytes after it":     okAnswer + "more",
		"another version":    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"not a final answer": "HTTP/1.1 103 Early Hints\r\n\r\n",
		"not HTTP":           "SSH-2.0\r\n\r\ncut",
	} {
		t.Run(name, func(t *testing.T) {
			address, _, _ := scripted(t, text)
			c := newClient(address, 1)
			a, err := get(t, c)
			if _, broken := errors.AsType[*brokenError](err); !broken {
				t.Errorf("got %+v and %v, want a broken answer", a, err)
			}
			if len(c.idle) != 0 {
				t.Error("it kept the connection")
			}
		})
	}
}

// TestRequestAndAnswer: a right answer is taken, and no other.
func TestRequestAndAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost && strings.HasPrefix(string(body), "p1 ") && len(body) == 50 {
			_, _ = io.WriteString(w, "ordered p1")
			return
		}
		if r.URL.Path == "/item/g1" && r.URL.RawQuery == "size=7&ms=3" {
			_, _ = io.WriteString(w, "g1 g1 g")
			return
		}
		http.Error(w, "no", http.StatusBadGateway)
	}))
	defer server.Close()
	c := newClient(server.Listener.Addr().String(), 4)
	defer c.close()
	for _, test := range []struct {
		request request
		ok      bool
		allowed bool // the loss, of a POST
	}{
		{request: request{id: "g1", size: 7, delay: 3 * time.Millisecond}, ok: true},
		{request: request{id: "p1", post: true, size: 50}, ok: true},
		{request: request{id: "p1", post: true, size: 51}, allowed: true},
	} {
		r := test.request
		a, _, err := c.do(t.Context(), r.method(), r.bytes("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.check(a); (err == nil) != test.ok || err != nil && lossAllowed(err) != test.allowed {
			t.Errorf("%+v: %+v, %v", r, a, err)
		}
		other := request{id: "g2", size: r.size}
		if err := other.check(a); err == nil || a.status == 200 && !errors.Is(err, errStrayBody) {
			t.Errorf("the answer to %s passed for %s: %v", r.id, other.id, err)
		}
	}
	if lossAllowed(&statusError{status: 503}) || lossAllowed(errStrayBody) || !lossAllowed(&brokenError{"send", io.EOF}) {
		t.Error("the wrong losses are allowed")
	}
}
