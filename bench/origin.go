package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"runtime"
)

// originMain is "bench origin --port N": the app behind the balancers. It does
// the minimum of an HTTP/1.1 server, so that it never limits a peer:
// one thread, a goroutine per connection, heads found by their blank line and
// searched for three fields, answers made beforehand and sent in one write.
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
		go func() { // ends with the connection
			defer func() { _ = conn.Close() }()
			o := originConn{conn: conn, buffer: make([]byte, 32<<10)}
			for o.serveOne() {
			}
		}()
	}
}

// An originConn is one connection to an origin, owned by its goroutine. The
// buffer takes a head and a body of 16 KiB in one read.
type originConn struct {
	conn   net.Conn
	buffer []byte
	unread []byte // what was read beyond the last request; part of buffer
}

// serveOne answers one request and reports whether there may be another.
func (o *originConn) serveOne() bool {
	head, ok := o.readHead()
	if !ok {
		return false
	}
	length, ok := bodyLength(head)
	if !ok {
		return false
	}
	r := originReply(head) // before the buffer is used again
	if !o.discard(length) {
		return false
	}
	if _, err := o.conn.Write(r.answer); err != nil || r.last {
		return false
	}
	if r.tunnel { // silent until the other side ends
		_, _ = io.Copy(io.Discard, o.conn)
		return false
	}
	return true
}

// readHead returns the next head, up to and with the line end before its blank
// line. It is good until the next read.
func (o *originConn) readHead() (head []byte, ok bool) {
	for {
		if end := bytes.Index(o.unread, []byte("\r\n\r\n")); end >= 0 {
			head, o.unread = o.unread[:end+2], o.unread[end+4:]
			return head, true
		}
		kept := copy(o.buffer, o.unread)
		if kept == len(o.buffer) {
			return nil, false
		}
		n, err := o.conn.Read(o.buffer[kept:])
		if err != nil {
			return nil, false
		}
		o.unread = o.buffer[:kept+n]
	}
}

// discard reads n bytes of body.
func (o *originConn) discard(n int) bool {
	have := min(n, len(o.unread))
	o.unread = o.unread[have:]
	for n -= have; n > 0; {
		got, err := o.conn.Read(o.buffer)
		if err != nil {
			return false
		}
		o.unread = o.buffer[min(n, got):got]
		n -= min(n, got)
	}
	return true
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
		c, err := s.start("origin", exec.Command(s.self, "origin", "--port", itoa(port)))
		if err != nil {
			return err
		}
		if err := c.awaitReady(ctx, getOK("http://"+loopback(port)+"/health")); err != nil {
			return err
		}
		s.origins = append(s.origins, loopback(port))
	}
	return nil
}
