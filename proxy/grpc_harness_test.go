package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// text is the one message of the calls in tests.
func text(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

// grpcVariable has the test binary be an instance at the address that it names. The
// instance writes its address to its standard output.
const grpcVariable = "DYNLB_TEST_GRPC_INSTANCE"

// runGRPCInstance serves until the process is killed.
func runGRPCInstance(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(listener.Addr())
	_ = newGRPCServer().Serve(listener)
}

// newGRPCServer returns a server of calls.
func newGRPCServer(options ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(options, grpc.UnknownServiceHandler(serveCall))...)
}

// grpcInstance serves calls until the test ends, and returns its address.
func grpcInstance(t testing.TB, options ...grpc.ServerOption) (address string, server *grpc.Server) {
	t.Helper()
	listener := proxytest.Listen(t)
	server = newGRPCServer(options...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String(), server
}

// grpcProcess is an instance that is a process.
type grpcProcess struct {
	address string
	command *exec.Cmd
}

// startGRPCProcess starts an instance, and waits until it listens.
func startGRPCProcess(t testing.TB) *grpcProcess {
	t.Helper()
	p := &grpcProcess{command: exec.Command(os.Args[0])}
	p.command.Env = append(os.Environ(), grpcVariable+"=127.0.0.1:0")
	p.command.Stderr = os.Stderr
	out, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if _, err := fmt.Fscanln(out, &p.address); err != nil {
		t.Fatal("the instance does not listen: ", err)
	}
	return p
}

// kill kills the process, and waits for its end. It may be called again.
func (p *grpcProcess) kill() {
	_ = p.command.Process.Kill() // it may have ended
	_ = p.command.Wait()
}

// serveCall serves the methods of the tests.
func serveCall(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "Say":
		return say(stream)
	case "Count": // as many messages as the first one says
		m := text("")
		if err := stream.RecvMsg(m); err != nil {
			return err
		}
		n, _ := strconv.Atoi(m.Value)
		for i := range n {
			if err := stream.SendMsg(text(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	case "Sum": // the lengths of all messages
		sum := 0
		for {
			m := text("")
			err := stream.RecvMsg(m)
			if errors.Is(err, io.EOF) {
				return stream.SendMsg(text(strconv.Itoa(sum)))
			}
			if err != nil {
				return err
			}
			sum += len(m.Value)
		}
	case "Chat": // each message comes back
		for {
			m := text("")
			err := stream.RecvMsg(m)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := stream.SendMsg(m); err != nil {
				return err
			}
		}
	default:
		return grpcstatus.Error(codes.Unimplemented, method)
	}
}

// say answers one message with another.
func say(stream grpc.ServerStream) error {
	m := text("")
	if err := stream.RecvMsg(m); err != nil {
		return err
	}
	ctx := stream.Context()
	in, _ := metadata.FromIncomingContext(ctx)
	_ = stream.SetHeader(metadata.Pairs("x-head", "head", "x-bin", "\x00\xff"))
	stream.SetTrailer(metadata.Pairs("x-trailer", "trailer", "x-got", strings.Join(in.Get("x-sent"), "+")))
	switch m.Value {
	case "fail":
		return grpcstatus.Error(codes.NotFound, "nothing: 100 %, \u00e4")
	case "wait":
		<-ctx.Done()
		return grpcstatus.FromContextError(ctx.Err()).Err()
	case "deadline":
		end, ok := ctx.Deadline()
		return stream.SendMsg(text(fmt.Sprint(ok, " ", time.Until(end) > time.Second)))
	default:
		return stream.SendMsg(m)
	}
}

// grpcClient is a client of the calls in tests.
type grpcClient struct{ *grpc.ClientConn }

// dialGRPC returns a client of a proxy.
func dialGRPC(t testing.TB, f *front) grpcClient {
	t.Helper()
	secure := insecure.NewCredentials()
	if strings.HasPrefix(f.url, "https") {
		secure = credentials.NewTLS(proxytest.ClientTLS())
	}
	conn, err := grpc.NewClient("passthrough:///"+f.address, grpc.WithTransportCredentials(secure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return grpcClient{conn}
}

// say makes a call with one message each way.
func (c grpcClient) say(ctx context.Context, message string, options ...grpc.CallOption) (string, error) {
	answer := text("")
	err := c.Invoke(ctx, "/test.Echo/Say", text(message), answer, options...)
	return answer.Value, err
}

// stream begins a call with any number of messages each way.
func (c grpcClient) stream(ctx context.Context, t testing.TB, method string) grpc.ClientStream {
	t.Helper()
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/"+method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// receive takes a message of a stream.
func receive(t testing.TB, s grpc.ClientStream) string {
	t.Helper()
	m := text("")
	if err := s.RecvMsg(m); err != nil {
		t.Fatal(err)
	}
	return m.Value
}

// send sends a message on a stream.
func send(t testing.TB, s grpc.ClientStream, message string) {
	t.Helper()
	if err := s.SendMsg(text(message)); err != nil {
		t.Fatal(err)
	}
}

// withPatience returns a context that ends when a test has waited for long enough.
func withPatience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await waits until a condition holds.
func (f *front) await(t testing.TB, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for too long; log: %s", f.log)
		}
	}
}
