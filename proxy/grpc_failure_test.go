package proxy_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestGRPCInstanceKilled: a call whose instance is killed is UNAVAILABLE, as for a client
// without a load balancer, whether its response has begun or not.
func TestGRPCInstanceKilled(t *testing.T) {
	t.Parallel()
	p := startGRPCProcess(t)
	f, c := grpcFront(t, setup{
		instances: []string{p.address}, queue: registry.Options{QueueLimit: 1, QueueTimeout: 50 * time.Millisecond},
	})
	ctx := withPatience(t)
	chat := c.stream(ctx, t, "Chat")
	send(t, chat, "a")
	receive(t, chat)
	unary := make(chan error, 1)
	go func() {
		_, err := c.say(ctx, "wait")
		unary <- err
	}()
	f.await(t, func() bool { return f.inFlight() == 2 })
	p.kill()
	err := chat.RecvMsg(text(""))
	if s := grpcstatus.Convert(err); s.Code() != codes.Unavailable || strings.Contains(s.Message(), "<") {
		t.Errorf("stream: %v", err)
	}
	err = <-unary
	if s := grpcstatus.Convert(err); s.Code() != codes.Unavailable || strings.Contains(s.Message(), "<") || len(s.Message()) > 200 {
		t.Errorf("unary call: %v", err)
	}
	if _, err = c.say(ctx, "hello"); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("afterwards: %v", err)
	}
	f.recorded(t, 502)
	f.recorded(t, 502)
	f.recorded(t, 503)
	f.idle(t)
}

// TestGRPCQueueFull: a call that gets no instance is UNAVAILABLE.
func TestGRPCQueueFull(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{queue: registry.Options{MaxConcurrency: 1, QueueLimit: 1, QueueTimeout: 50 * time.Millisecond}})
	ctx, cancel := context.WithCancel(withPatience(t))
	waits := make(chan error, 1)
	go func() {
		_, err := c.say(ctx, "wait")
		waits <- err
	}()
	f.await(t, func() bool { return f.inFlight() == 1 })
	if _, err := c.say(ctx, "hello"); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("status %v", err)
	}
	f.recorded(t, 503)
	cancel()
	if err := <-waits; grpcstatus.Code(err) != codes.Canceled {
		t.Errorf("the call that the client gave up: %v", err)
	}
	f.recorded(t, 499)
	f.idle(t)
}

// TestGRPCGoAway: an instance that often asks for another connection loses no call.
func TestGRPCGoAway(t *testing.T) {
	t.Parallel()
	address, _ := grpcInstance(t, grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: patience,
	}))
	f, c := grpcFront(t, setup{instances: []string{address}})
	ctx := withPatience(t)
	chat := c.stream(ctx, t, "Chat")
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for i := range 100 {
				if got, err := c.say(ctx, fmt.Sprint(i)); err != nil || got != fmt.Sprint(i) {
					t.Errorf("call %d: %q, %v", i, got, err)
					return
				}
			}
		})
	}
	for i := range 50 { // the stream stays on the first connection
		send(t, chat, fmt.Sprint(i))
		if got := receive(t, chat); got != fmt.Sprint(i) {
			t.Errorf("the stream got %q", got)
		}
	}
	callers.Wait()
	_ = f
}

// TestGRPCManyStreams: more calls than the instance takes on a connection, all at once, are
// carried, also when there is no connection yet.
func TestGRPCManyStreams(t *testing.T) {
	t.Parallel()
	address, _ := grpcInstance(t, grpc.MaxConcurrentStreams(20))
	f, c := grpcFront(t, setup{instances: []string{address}})
	ctx := withPatience(t)
	const calls = 90 // below the limit of a client's connection
	var streams sync.WaitGroup
	var open atomic.Int32
	all := make(chan struct{})
	for range calls {
		streams.Go(func() {
			s := c.stream(ctx, t, "Chat")
			if err := s.SendMsg(text("a")); err != nil {
				t.Error(err)
				return
			}
			if err := s.RecvMsg(text("")); err != nil {
				t.Error(err)
				return
			}
			if open.Add(1) == calls {
				close(all)
			}
			<-all // all are open at the same time
		})
	}
	select {
	case <-all:
	case <-ctx.Done():
		t.Fatalf("%d calls are open at the same time; log: %s", open.Load(), f.log)
	}
	streams.Wait()
}

// TestGRPCRestart: instances that come and go lose no call.
func TestGRPCRestart(t *testing.T) {
	t.Parallel()
	first, server := grpcInstance(t)
	f, c := grpcFront(t, setup{instances: []string{first}})
	ctx := withPatience(t)
	var stop atomic.Bool
	var calls atomic.Int64
	var callers sync.WaitGroup
	f.dropRecords(t)
	for range 8 {
		callers.Go(func() {
			for !stop.Load() {
				if _, err := c.say(ctx, "hello"); err != nil {
					t.Errorf("call %d: %v", calls.Load(), err)
					return
				}
				calls.Add(1)
			}
		})
	}
	id := f.ids[0]
	for range 5 {
		n := calls.Load()
		f.await(t, func() bool { return calls.Load() > n+100 || t.Failed() })
		address, next := grpcInstance(t)
		added := addInstance(t, f.registry, address)
		drained, err := f.registry.Drain(id, "replaced")
		if err != nil {
			t.Fatal(err)
		}
		<-drained
		server.GracefulStop()
		if err := f.registry.Transition(id, registry.Stopped, "stopped"); err != nil {
			t.Fatal(err)
		}
		id, server = added, next
	}
	stop.Store(true)
	callers.Wait()
	f.idle(t)
}
