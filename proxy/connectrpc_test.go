package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
)

type (
	connectText   = wrapperspb.StringValue
	connectClient = connect.Client[connectText, connectText]
)

// The methods of the service of connectInstance, by their kind.
const (
	connectUnary        = "/test.Echo/Unary"
	connectClientStream = "/test.Echo/Client"
	connectServerStream = "/test.Echo/Server"
	connectBidi         = "/test.Echo/Bidi"
)

// connectInstance serves calls of connect-go, in all of its protocols, until the test ends.
func connectInstance(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(connectUnary, connect.NewUnaryHandler(connectUnary, func(ctx context.Context, r *connect.Request[connectText]) (*connect.Response[connectText], error) {
		switch said := r.Msg.GetValue(); said {
		case "fail":
			err := connect.NewError(connect.CodeNotFound, errors.New("nothing here"))
			err.Meta().Set("x-why", "a test")
			return nil, err
		case "wait":
			<-ctx.Done()
			return nil, ctx.Err()
		default:
			res := connect.NewResponse(text(said))
			res.Header().Set("x-head", "1")
			res.Trailer().Set("x-tail", "2")
			return res, nil
		}
	}))
	mux.Handle(connectClientStream, connect.NewClientStreamHandler(connectClientStream, func(_ context.Context, s *connect.ClientStream[connectText]) (*connect.Response[connectText], error) {
		n := 0
		for s.Receive() {
			n += len(s.Msg().GetValue())
		}
		return connect.NewResponse(text(fmt.Sprint(n))), s.Err()
	}))
	mux.Handle(connectServerStream, connect.NewServerStreamHandler(connectServerStream, func(_ context.Context, r *connect.Request[connectText], s *connect.ServerStream[connectText]) error {
		for word := range strings.FieldsSeq(r.Msg.GetValue()) {
			if err := s.Send(text(word)); err != nil {
				return err
			}
		}
		return connect.NewError(connect.CodeDataLoss, errors.New("no more"))
	}))
	mux.Handle(connectBidi, connect.NewBidiStreamHandler(connectBidi, func(_ context.Context, s *connect.BidiStream[connectText, connectText]) error {
		for {
			message, err := s.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.Send(message); err != nil {
				return err
			}
		}
	}))
	return h2cInstance(t, true, mux.ServeHTTP)
}

// eachConnect runs a test for the protocols of connect-go, in clear text and over TLS, and
// that of connect over HTTP/1.1 for calls that are no streams.
func eachConnect(t *testing.T, s setup, test func(t *testing.T, f *front, streams bool, to func(method string) *connectClient)) {
	t.Helper()
	for name, options := range map[string][]connect.ClientOption{
		"connect": nil, "connect over HTTP/1.1": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %t", name, secure), func(t *testing.T) {
				t.Parallel()
				s := s
				s.tls = secure
				f := newProxy(t, s)
				version := "http2"
				if strings.HasSuffix(name, "1.1") {
					version = "http1"
				}
				client := newClient(t, version)
				test(t, f, version == "http2", func(method string) *connectClient {
					return connect.NewClient[connectText, connectText](client, f.url+method, options...)
				})
			})
		}
	}
}

// TestConnect has connect-go make calls of all kinds to an instance of connect-go.
func TestConnect(t *testing.T) {
	t.Parallel()
	instance := connectInstance(t)
	eachConnect(t, setup{instances: []string{instance}, protocol: route.H2C}, func(t *testing.T, f *front, streams bool, to func(string) *connectClient) {
		ctx := t.Context()
		said := strings.Repeat("hello ", 20_000)
		res, err := to(connectUnary).CallUnary(ctx, connect.NewRequest(text(said)))
		if err != nil || res.Msg.GetValue() != said || res.Header().Get("x-head") != "1" || res.Trailer().Get("x-tail") != "2" {
			t.Fatalf("unary: %v, %v", res, err)
		}
		_, err = to(connectUnary).CallUnary(ctx, connect.NewRequest(text("fail")))
		if failed, ok := errors.AsType[*connect.Error](err); !ok || failed.Code() != connect.CodeNotFound || failed.Message() != "nothing here" || failed.Meta().Get("x-why") != "a test" {
			t.Errorf("failure: %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err = to(connectUnary).CallUnary(short, connect.NewRequest(text("wait")))
		late := strings.Contains(fmt.Sprint(err), "504 Gateway Timeout") // dynlb was faster than the client; for gRPC-Web that is UNAVAILABLE
		late = late && strings.HasPrefix(t.Name(), "TestConnect/gRPC-Web")
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded && !late {
			t.Errorf("deadline: %v", err)
		}
		if streams {
			connectStreams(t, to)
		}
		f.drained(t)
	})
}

// connectStreams makes the calls that are streams.
func connectStreams(t *testing.T, to func(string) *connectClient) {
	t.Helper()
	up := to(connectClientStream).CallClientStream(t.Context())
	for range 100 {
		if err := up.Send(text(strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := up.CloseAndReceive(); err != nil || sum.Msg.GetValue() != "100000" {
		t.Errorf("client stream: %v, %v", sum, err)
	}
	down, err := to(connectServerStream).CallServerStream(t.Context(), connect.NewRequest(text("a b c")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for down.Receive() {
		got = append(got, down.Msg().GetValue())
	}
	if strings.Join(got, " ") != "a b c" || connect.CodeOf(down.Err()) != connect.CodeDataLoss {
		t.Errorf("server stream: %q, %v", got, down.Err())
	}
	_ = down.Close()
	both := to(connectBidi).CallBidiStream(t.Context())
	for _, word := range []string{"a", strings.Repeat("b", 1<<20), "c"} {
		if err := both.Send(text(word)); err != nil {
			t.Fatal(err)
		}
		if message, err := both.Receive(); err != nil || message.GetValue() != word {
			t.Fatalf("bidi: %d bytes, %v", len(message.GetValue()), err)
		}
	}
	_ = both.CloseRequest()
	if _, err := both.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("bidi ended with %v", err)
	}
	_ = both.CloseResponse()
}

// TestConnectWithoutInstance checks that calls of connect-go that get no instance are
// UNAVAILABLE in all of its protocols.
func TestConnectWithoutInstance(t *testing.T) {
	t.Parallel()
	full := setup{protocol: route.H2C, queue: registry.Options{QueueLimit: 10, QueueTimeout: 10 * time.Millisecond}}
	eachConnect(t, full, func(t *testing.T, _ *front, _ bool, to func(string) *connectClient) {
		if _, err := to(connectUnary).CallUnary(t.Context(), connect.NewRequest(text("hello"))); connect.CodeOf(err) != connect.CodeUnavailable {
			t.Errorf("got %v", err)
		}
	})
}
