package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/runs"
	"github.com/dynlb/dynlb/server"
)

// How long a command waits for a connection, and for the response to a call that is
// not a stream. Both take milliseconds when all is well.
const (
	connectTimeout = 5 * time.Second
	callTimeout    = 10 * time.Second
	// orderTimeout is how long an order may wait for a dynlb that scales: of several, another
	// one takes over within 24 s after that was killed.
	orderTimeout = 35 * time.Second
)

// clientFlags adds the flags of a command that talks to a running dynlb.
func clientFlags(cmd *cobra.Command, o *options) {
	cmd.Flags().StringVar(&o.admin, "admin", "",
		"host:port of the gRPC control listener (default: admin of the config)")
	cmd.Flags().StringVar(&o.app, "app", "", "name of the app, if there are several")
	o.identity.register(cmd)
}

// remote is a running dynlb. Close it when done.
type remote struct {
	dynlbv1.ControlClient
	conn     *grpc.ClientConn
	address  string
	others   func() []runs.Record // the dynlb of this machine; nil: not known
	reached  bool                 // the connection was made
	noConfig bool                 // the address is the default: neither a config nor --admin gave it
}

// dial connects to the dynlb that the flags or the config name. If the connection
// fails at once, dial returns no error, and the first call returns the reason.
func dial(ctx context.Context, o *options) (*remote, error) {
	r := &remote{address: o.admin, others: func() []runs.Record { return runs.List(runs.Folders(os.Getenv)) }}
	var auth *config.Auth // of the config that names the listener; nil if --admin does
	if o.admin == "" {
		settings, err := config.LoadClient(o.config)
		if err != nil {
			return nil, fmt.Errorf("%w\n(or name the control listener with --admin)", err)
		}
		r.address, auth, r.noConfig = settings.Admin, &settings.Auth, settings.Path == ""
		if o.at != "" {
			r.address = o.at
		}
	}
	host, port, ok := config.SplitAddress(r.address)
	switch {
	case !ok || port == 0 && o.admin != "":
		return nil, usageError{fmt.Errorf("--admin %q is not host:port, such as 127.0.0.1:4001", r.address)}
	case port == 0:
		return nil, usageError{fmt.Errorf("admin of the config leaves the port to the kernel (%s); give --admin with the address in the log of 'dynlb serve'", r.address)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // a listener on all addresses is also here
		r.address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	dialOptions, err := o.identity.dialOptions(host, auth)
	if err != nil {
		return nil, err
	}
	r.conn, err = grpc.NewClient("passthrough:///"+r.address, append(dialOptions, grpc.WithChainUnaryInterceptor(untilServed))...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", r.address, err)
	}
	if err := r.connect(ctx); err != nil {
		r.close()
		return nil, err
	}
	r.ControlClient = dynlbv1.NewControlClient(r.conn)
	return r, nil
}

// connect waits until the connection is made or has failed. The error says that
// neither happened in time.
func (r *remote) connect(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	r.conn.Connect()
	for {
		state := r.conn.GetState()
		if state != connectivity.Idle && state != connectivity.Connecting {
			r.reached = state == connectivity.Ready
			return nil
		}
		if !r.conn.WaitForStateChange(limited, state) {
			break
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("connect to %s: %w", r.address, ctx.Err())
	}
	switch probe(ctx, r.address) {
	case noListener:
		return fmt.Errorf("no connection to %s within %v: check the address, and the firewalls on the way", r.address, connectTimeout)
	case speaksHTTP:
		return r.notGRPC()
	default:
		return r.noAnswer(connectTimeout)
	}
}

// call returns the answer to a call that is not a stream.
func call[T any](cmd *cobra.Command, o *options, do func(context.Context, *remote) (T, error)) (answer T, err error) {
	r, err := dial(cmd.Context(), o)
	if err != nil {
		return answer, err
	}
	defer r.close()
	ctx, cancel := context.WithTimeout(cmd.Context(), callTimeout)
	defer cancel()
	if answer, err = do(ctx, r); err != nil {
		return answer, r.explain(cmd.Context(), err)
	}
	return answer, nil
}

// movedPause is how long after an answer of a worker that does not serve any more the next
// one is asked. The connection to the former is closed some milliseconds later.
const movedPause = 20 * time.Millisecond

// untilServed makes a call again as long as the answer is server.MovedText.
func untilServed(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	for {
		err := invoke(ctx, method, req, reply, conn, options...)
		if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != server.MovedText {
			return err
		}
		select {
		case <-time.After(movedPause):
		case <-ctx.Done():
			return err
		}
	}
}

// close closes the connection.
func (r *remote) close() { _ = r.conn.Close() }

// explain returns the error of a call with advice.
func (r *remote) explain(ctx context.Context, err error) error { return r.explainOf(ctx, err, "") }

// explainOf is explain for a call that has begun something which may go on, such as the
// deploy.
func (r *remote) explainOf(ctx context.Context, err error, what string) error {
	s := status.Convert(err)
	if strings.Contains(s.Message(), "unexpected HTTP status code received") { // HTTP/2 without gRPC
		return r.notGRPC()
	}
	switch s.Code() {
	case codes.Unavailable:
		if r.broke(s.Message()) {
			return brokenError(s.Message(), what)
		}
		found := probe(ctx, r.address)
		if found == speaksHTTP {
			return r.notGRPC()
		}
		hint := connectHint(s.Message(), found)
		if found == noListener && r.noConfig {
			hint = "no " + config.DefaultPath + " found; if dynlb is running, give --config or --admin"
		}
		if found == noListener && r.others != nil {
			hint += othersHint(r.elsewhere())
		}
		return fmt.Errorf("no dynlb answers at %s: %s\n%s", r.address, dialCause(s.Message()), hint)
	case codes.DeadlineExceeded:
		return r.noAnswer(callTimeout)
	case codes.Unimplemented:
		return fmt.Errorf("the dynlb at %s does not know this: it is older than this command (%s)", r.address, s.Message())
	case codes.Unauthenticated:
		return fmt.Errorf("%s; %s", s.Message(), deniedHint(s.Message()))
	case codes.InvalidArgument, codes.NotFound: // such as an app that does not exist
		return usageError{errors.New(s.Message())}
	default:
		return errors.New(s.Message())
	}
}

// dialCause returns the cause in a message of gRPC about a connection that could not be
// made, or the message if it is another one.
func dialCause(message string) string {
	_, cause, ok := strings.Cut(message, "Error while dialing: ")
	if !ok {
		return message
	}
	return strings.TrimSuffix(cause, `"`)
}

// notGRPC returns the error of an address that is another listener of dynlb.
func (r *remote) notGRPC() error {
	return fmt.Errorf("%s speaks HTTP: it is adminHTTP or listen; --admin takes the gRPC listener (admin: in the config, %s by default)",
		r.address, config.Default().Admin)
}

// noAnswer returns the error of a listener that accepts a connection and sends
// nothing.
func (r *remote) noAnswer(limit time.Duration) error {
	return fmt.Errorf("connected to %s, but got no answer within %v: is dynlb stopped or overloaded?", r.address, limit)
}
