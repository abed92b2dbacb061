package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/runs"
)

// moved is a control service that carries an order out in the third call; before, it is that
// of a worker that does not serve any more.
type moved struct {
	dynlbv1.UnimplementedControlServer
	calls atomic.Int32
}

func (m *moved) ScaleTo(context.Context, *dynlbv1.ScaleToRequest) (*dynlbv1.ScaleToResponse, error) {
	if m.calls.Add(1) < 3 {
		return nil, status.Error(codes.Unavailable, "dynlb was upgraded, and another worker serves: call again")
	}
	return &dynlbv1.ScaleToResponse{App: "default", OldTarget: 2, NewTarget: 3}, nil
}

// TestOrderDuringUpgrade: an order that meets the worker before is given again.
func TestOrderDuringUpgrade(t *testing.T) {
	t.Parallel()
	service := new(moved)
	address := serveControl(t, service)
	if code, stdout, stderr := cli(t, "scale", "3", "--admin", address); code != exitDone || service.calls.Load() != 3 {
		t.Errorf("exit code %d, %s%s; %d calls", code, stdout, stderr, service.calls.Load())
	}
}

// cutOff is a control service whose deploys end with an error, or with the connection if
// that is nil.
type cutOff struct {
	dynlbv1.UnimplementedControlServer
	stop func()
	err  error
}

func (b *cutOff) Deploy(_ *dynlbv1.DeployRequest, stream grpc.ServerStreamingServer[dynlbv1.DeployResponse]) error {
	_ = stream.Send(&dynlbv1.DeployResponse{Text: "begun"}) // the client may be gone
	if b.err == nil {
		b.stop()
		<-stream.Context().Done()
	}
	return b.err
}

// TestConnectionBreaks: a command whose connection breaks says so, and how to find out what
// became of its order. That no dynlb answers is another error.
func TestConnectionBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "dynlb: the connection to dynlb broke: error reading from server: "},
		{status.Error(codes.Unavailable, "dynlb is shutting down"), "dynlb: dynlb is shutting down\n"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		dynlbv1.RegisterControlServer(server, &cutOff{stop: func() { go server.Stop() }, err: c.err})
		done := make(chan struct{})
		go func() { // ends with the server
			defer close(done)
			_ = server.Serve(l)
		}()
		code, _, stderr := cli(t, "deploy", "v2", "--admin", l.Addr().String())
		if code != exitFail || !strings.HasPrefix(stderr, c.want) || !strings.HasSuffix(stderr, "\n'dynlb status' says whether the deploy goes on\n") {
			t.Errorf("exit code %d, %swant %s", code, stderr, c.want)
		}
		server.Stop()
		<-done
	}
}

// TestOtherRuns: the address that does not answer is not named as another one.
func TestOtherRuns(t *testing.T) {
	t.Parallel()
	tried := runs.Record{PID: os.Getpid(), Admin: "127.0.0.1:1"}
	r := &remote{address: tried.Admin, others: func() []runs.Record { return []runs.Record{tried, {Admin: "127.0.0.1:2"}} }}
	err := fmt.Sprint(r.explain(t.Context(), status.Error(codes.Unavailable, "refused")))
	if !strings.HasSuffix(err, "\non this machine there is --admin 127.0.0.1:2 (the defaults)") {
		t.Errorf("%s", err)
	}
}
