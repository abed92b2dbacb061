package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// call makes a call on a connection that stays open, and reports whether it is answered
// in time.
func call(conn net.Conn, limit time.Duration) bool {
	fmt.Fprintf(conn, "HEAD /lb-status HTTP/1.1\r\nHost: localhost\r\n\r\n")
	return answered(conn, limit)
}

// answered reports whether there is a response in time.
func answered(conn net.Conn, limit time.Duration) bool {
	conn.SetReadDeadline(time.Now().Add(limit))
	n, err := conn.Read(make([]byte, 4096))
	return n > 0 && err == nil
}

// TestConnectionsAreBounded: a connection beyond maxConnections waits until another
// one is closed.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	var open []net.Conn
	for range maxConnections {
		conn := connect(t, p.httpAddress())
		if open = append(open, conn); !call(conn, 30*time.Second) {
			t.Fatalf("connection %d was not served", len(open))
		}
	}
	one := connect(t, p.httpAddress())
	if call(one, 50*time.Millisecond) {
		t.Error("a connection beyond the limit was served")
	}
	_ = open[0].Close()
	if !answered(one, 30*time.Second) {
		t.Error("a free place was not used")
	}
	for _, conn := range open {
		conn.Close()
	}
}

// TestGRPCConnectionsAreBounded: the same holds for gRPC.
func TestGRPCConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	var open []*grpc.ClientConn
	getStatus := func(conn *grpc.ClientConn, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := dynlbv1.NewControlClient(conn).GetStatus(ctx, &dynlbv1.GetStatusRequest{})
		return err
	}
	for range maxConnections {
		conn := dialGRPC(t, p)
		if err := getStatus(conn, 30*time.Second); err != nil {
			t.Fatalf("connection %d was not served: %v", len(open)+1, err)
		}
		open = append(open, conn)
	}
	one := dialGRPC(t, p)
	if err := getStatus(one, 50*time.Millisecond); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a connection beyond the limit got %v", err)
	}
	_ = open[0].Close()
	if err := getStatus(one, 30*time.Second); err != nil {
		t.Errorf("a free place was not used: %v", err)
	}
}

// dialGRPC returns a client connection that is closed when the test ends.
func dialGRPC(t *testing.T, p *plane) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(p.grpcAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestStrangersDoNotLockOut: clients that connect and make no call do not keep those
// away that do, nor close their connections.
func TestStrangersDoNotLockOut(t *testing.T) {
	t.Parallel()
	p := start(t)
	kept := connect(t, p.httpAddress())
	if !call(kept, 30*time.Second) {
		t.Fatal("no answer")
	}
	for range maxConnections + 10 {
		connect(t, p.httpAddress())
		connect(t, p.grpcAddress())
	}
	began := time.Now()
	if !call(connect(t, p.httpAddress()), 30*time.Second) {
		t.Error("admin HTTP does not answer a new client")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := p.client.GetStatus(ctx, &dynlbv1.GetStatusRequest{}); err != nil {
		t.Errorf("gRPC: %v", err)
	}
	if took := time.Since(began); took > strangerTime/2 {
		t.Errorf("they waited %v", took)
	}
	if !call(kept, 30*time.Second) {
		t.Error("the connection of a client that had made a call was closed")
	}
}

// TestStrangersShare: the limit of one address spares the connections of others, and for
// one beyond the limit of all the address with the largest number loses its oldest.
func TestStrangersShare(t *testing.T) {
	t.Parallel()
	s := new(strangers)
	var conns []*boundedConn
	add := func(host string) *boundedConn {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		c := &boundedConn{Conn: near, host: host, address: fmt.Sprint(host, ":", len(conns))}
		c.free = func() { s.remove(c) }
		conns = append(conns, c)
		s.add(c)
		return c
	}
	count := func(host string) int {
		if s.order[host] == nil {
			return 0
		}
		return s.order[host].Len()
	}
	quiet := add("quiet")
	for range 2 * maxFromAddress {
		add("loud")
	}
	if count("loud") != maxFromAddress || count("quiet") != 1 {
		t.Errorf("%d of the one, %d of the other", count("loud"), count("quiet"))
	}
	for i := range 2 * maxStrangers {
		add(fmt.Sprint("other", i%8))
	}
	if len(s.all) != maxStrangers || count("quiet") != 1 {
		t.Errorf("%d in all, %d of the one that has few", len(s.all), count("quiet"))
	}
	s.admit(quiet.address)
	if count("quiet") != 0 {
		t.Error("it is still a stranger's")
	}
	for _, c := range conns {
		_ = c.Close()
	}
	if len(s.all)+len(s.order) != 0 {
		t.Errorf("left: %d connections, %d addresses", len(s.all), len(s.order))
	}
}

// TestStrangersLeave: a connection without an admitted call ends after strangerTime; one
// with such a call stays.
func TestStrangersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(strangers)
		near, far := net.Pipe()
		c := &boundedConn{Conn: near, host: "a", address: "a:1"}
		c.free = func() { s.remove(c) }
		s.add(c)
		stays, other := net.Pipe()
		d := &boundedConn{Conn: stays, host: "a", address: "a:2", free: func() {}}
		s.add(d)
		s.admit(d.address)
		began := time.Now()
		if _, err := far.Read(make([]byte, 1)); err == nil || time.Since(began) != strangerTime {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		other.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := other.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the other one: %v", err)
		}
		_ = d.Close()
	})
}

// TestBoundedListenerCloses: Close ends an Accept that waits for a place.
func TestBoundedListenerCloses(t *testing.T) {
	t.Parallel()
	b := newBoundedListener(listen(t), new(strangers))
	for range maxConnections {
		b.places <- struct{}{}
	}
	accepted := make(chan error, 1)
	go func() { // ends with Close
		_, err := b.Accept()
		accepted <- err
	}()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}
