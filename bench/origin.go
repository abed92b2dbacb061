package main

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"runtime"
	"strconv"
)

// originBody is what an origin answers to GET /: 64 bytes.
const originBody = "dynlb bench origin: sixty-four bytes, the same for every request"

// originMain is "bench origin --port N": the app behind the balancers. It does
// the least an HTTP/1.1 server can do, so that it is never what limits a peer:
// one thread, a goroutine per connection, heads found by their blank line and
// not parsed further, one write for all requests that arrived together. It
// takes requests without a body only.
func originMain(ctx context.Context, args []string) error {
	flags := newFlagSet("bench origin")
	port := flags.Int("port", 0, "port to listen on, 127.0.0.1")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	// One thread: four origins share the machine with the peer, and a second
	// one would only wake up to find the work done.
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", loopback(*port))
	if err != nil {
		return err
	}
	return serveOrigin(ctx, listener)
}

// serveOrigin answers on listener until ctx ends. Connections still open then
// end with the process.
func serveOrigin(ctx context.Context, listener net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go serveOriginConn(conn) // ends with the connection
	}
}

func serveOriginConn(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := make([]byte, 0, 16<<10)
	var out []byte
	for {
		n, err := conn.Read(in[len(in):cap(in)])
		if err != nil {
			return
		}
		in = in[:len(in)+n]
		rest, last := in, false
		out = out[:0]
		for !last {
			end := bytes.Index(rest, []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			head := rest[:end+2]
			rest = rest[end+4:]
			var answer string
			answer, last = originAnswer(head)
			out = append(out, answer...)
		}
		if len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
		in = in[:copy(in, rest)]
		if last || len(in) == cap(in) {
			return
		}
	}
}

// The whole answers, made once.
var (
	answerRoot     = answerOf("200 OK", originBody)
	answerHealth   = answerOf("200 OK", "ok")
	answerNotFound = answerOf("404 Not Found\r\nConnection: close", "not found")
)

func answerOf(status, body string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// originAnswer returns the answer to one request head, and whether the
// connection ends with it.
func originAnswer(head []byte) (answer string, last bool) {
	last = bytes.Contains(head, []byte("\r\nConnection: close\r\n")) ||
		bytes.Contains(head, []byte(" HTTP/1.0\r\n"))
	switch {
	case bytes.HasPrefix(head, []byte("GET / ")):
		return answerRoot, last
	case bytes.HasPrefix(head, []byte("GET /health ")):
		return answerHealth, last
	default:
		return answerNotFound, true
	}
}

// startOrigins starts the four origins, for runs without dynlb, which otherwise
// spawns them, and waits until they answer.
func startOrigins(ctx context.Context, s *site) error {
	first, err := freePorts(originCount)
	if err != nil {
		return err
	}
	for i := range originCount {
		port := first + i
		c, err := s.start("origin", exec.Command(s.self, "origin", "--port", strconv.Itoa(port)))
		if err != nil {
			return err
		}
		if err := c.awaitReady(ctx, getOK(loopback(port), "/health")); err != nil {
			return err
		}
		s.origins = append(s.origins, loopback(port))
	}
	return nil
}
