package proxy_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/dynlb/dynlb/proxy/route"
)

// grpcFront is a proxy of one instance of gRPC, and a client of it.
func grpcFront(t testing.TB, s setup) (*front, grpcClient) {
	t.Helper()
	if s.instances == nil {
		address, _ := grpcInstance(t)
		s.instances = []string{address}
	}
	if s.protocol == route.HTTP1 {
		s.protocol = route.H2C
	}
	f := newProxy(t, s)
	return f, dialGRPC(t, f)
}

// TestGRPCUnary: metadata, message, trailers and status pass both ways, with and without
// TLS in front.
func TestGRPCUnary(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := grpcFront(t, setup{tls: secure})
			var head, trailer metadata.MD
			ctx := metadata.AppendToOutgoingContext(withPatience(t), "x-sent", "a", "x-sent", "b")
			got, err := c.say(ctx, "hello", grpc.Header(&head), grpc.Trailer(&trailer))
			if err != nil || got != "hello" {
				t.Fatalf("got %q, %v; log: %s", got, err, f.log)
			}
			if strings.Join(head.Get("x-head"), ",") != "head" || strings.Join(head.Get("x-bin"), ",") != "\x00\xff" {
				t.Errorf("header %v", head)
			}
			if strings.Join(trailer.Get("x-trailer"), ",") != "trailer" || strings.Join(trailer.Get("x-got"), ",") != "a+b" {
				t.Errorf("trailer %v", trailer)
			}
			f.recorded(t, 200)
			_, err = c.say(ctx, "fail", grpc.Trailer(&trailer))
			if s := grpcstatus.Convert(err); s.Code() != codes.NotFound || s.Message() != "nothing: 100 %, \u00e4" {
				t.Errorf("status %v", err)
			}
			if strings.Join(trailer.Get("x-trailer"), ",") != "trailer" {
				t.Errorf("trailer of a failed call %v", trailer)
			}
			f.recorded(t, 200)
			f.idle(t)
		})
	}
}

// TestGRPCStreams: messages pass one at a time in both directions, also those that are
// larger than all windows.
func TestGRPCStreams(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{})
	ctx := withPatience(t)
	chat := c.stream(ctx, t, "Chat")
	for _, m := range []string{"a", strings.Repeat("b", 3<<20), ""} {
		send(t, chat, m)
		if got := receive(t, chat); got != m {
			t.Fatalf("got %d bytes back, want %d", len(got), len(m))
		}
	}
	if err := chat.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := chat.RecvMsg(text("")); !errors.Is(err, io.EOF) {
		t.Errorf("end of the chat: %v", err)
	}
	count := c.stream(ctx, t, "Count")
	send(t, count, "1000")
	for range 1000 {
		receive(t, count)
	}
	if err := count.RecvMsg(text("")); !errors.Is(err, io.EOF) {
		t.Errorf("end of the count: %v", err)
	}
	sum := c.stream(ctx, t, "Sum")
	for range 100 {
		send(t, sum, strings.Repeat("x", 10000))
	}
	if err := sum.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, sum); got != "1000000" {
		t.Errorf("sum %s", got)
	}
	_ = f
}

// TestGRPCDeadline: the instance learns the deadline of a call, and of its end at once.
func TestGRPCDeadline(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{})
	if got, err := c.say(withPatience(t), "deadline"); err != nil || got != "true true" {
		t.Errorf("the instance knows of the deadline: %q, %v", got, err)
	}
	f.recorded(t, 200)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.say(ctx, "wait"); grpcstatus.Code(err) != codes.DeadlineExceeded {
		t.Errorf("after the deadline: %v", err)
	}
	<-f.records // of the client or of the instance, whichever was first
	f.idle(t)
}

// TestGRPCTimeout: a call that the instance does not answer in time is DEADLINE_EXCEEDED.
func TestGRPCTimeout(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{timeout: 100 * time.Millisecond})
	_, err := c.say(withPatience(t), "wait")
	if grpcstatus.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "did not respond in time") {
		t.Errorf("status %v", err)
	}
	f.recorded(t, 504)
	f.idle(t)
}
