package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
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
)

// How long a command waits for a connection, and for the answer to a call that is
// not a stream. Both take milliseconds unless something is wrong.
const (
	connectTimeout = 5 * time.Second
	callTimeout    = 10 * time.Second
)

// clientFlags gives cmd the flags of a command that talks to a running dynlb.
func clientFlags(cmd *cobra.Command, o *options) {
	cmd.Flags().StringVar(&o.admin, "admin", "",
		"host:port of the gRPC control listener (default: admin of the config)")
	o.identity.register(cmd)
}

// remote is a running dynlb. Close it when done.
type remote struct {
	dynlbv1.ControlClient
	conn     *grpc.ClientConn
	address  string
	noConfig bool // nothing but the defaults says that it is there
}

// dial returns the dynlb that o points at, when there is a connection or none can
// be made. In the latter case the first call says why.
func dial(ctx context.Context, o *options) (*remote, error) {
	r := &remote{address: o.admin}
	var auth *config.Auth // of the config, if that names the listener
	if o.admin == "" {
		settings, err := config.LoadClient(o.config)
		if err != nil {
			return nil, fmt.Errorf("%w\n(or name the control listener with --admin)", err)
		}
		r.address, auth, r.noConfig = settings.Admin, &settings.Auth, settings.Path == ""
	}
	host, port, ok := config.SplitAddress(r.address)
	switch {
	case !ok || port == 0 && o.admin != "":
		return nil, usageError{fmt.Errorf("--admin %q is not host:port, such as 127.0.0.1:4001", r.address)}
	case port == 0:
		return nil, usageError{fmt.Errorf("admin of the config leaves the port to the kernel (%s); give --admin with the one that the log of 'dynlb serve' has", r.address)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // what listens everywhere is here too
		r.address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	dialOptions, err := o.identity.dialOptions(host, auth)
	if err != nil {
		return nil, err
	}
	r.conn, err = grpc.NewClient("passthrough:///"+r.address, dialOptions...)
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

// connect waits until there is a connection, or none can be made. The error is
// that neither was known in time.
func (r *remote) connect(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	r.conn.Connect()
	for {
		state := r.conn.GetState()
		if state != connectivity.Idle && state != connectivity.Connecting {
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
	case nobody:
		return fmt.Errorf("no connection to %s within %v: is it the right address, and does nothing on the way keep it off?", r.address, connectTimeout)
	case speaksHTTP:
		return r.notGRPC()
	default:
		return r.noAnswer(connectTimeout)
	}
}

// close closes the connection.
func (r *remote) close() { _ = r.conn.Close() }

// explain makes the error of a call one that says what to do about it.
func (r *remote) explain(ctx context.Context, err error) error {
	s := status.Convert(err)
	if strings.Contains(s.Message(), "unexpected HTTP status code received") { // HTTP/2, and no gRPC
		return r.notGRPC()
	}
	switch s.Code() {
	case codes.Unavailable:
		what := probe(ctx, r.address)
		if what == speaksHTTP {
			return r.notGRPC()
		}
		hint := connectHint(s.Message(), what)
		if what == nobody && r.noConfig {
			hint = "there is no " + config.DefaultPath + " here; --config or --admin tell where dynlb is, if it is running"
		}
		return fmt.Errorf("no dynlb answers on %s: %s\n%s", r.address, s.Message(), hint)
	case codes.DeadlineExceeded:
		return r.noAnswer(callTimeout)
	case codes.Unauthenticated:
		return fmt.Errorf("%s; %s", s.Message(), deniedHint(s.Message()))
	case codes.InvalidArgument:
		return usageError{errors.New(s.Message())}
	default:
		return errors.New(s.Message())
	}
}

// notGRPC is the error of an address that is another listener.
func (r *remote) notGRPC() error {
	return fmt.Errorf("%s speaks HTTP: that is adminHTTP or listen; --admin takes the gRPC listener (admin: in the config, %s by default)",
		r.address, config.Default().Admin)
}

// noAnswer is the error of one that takes a connection and says nothing on it.
func (r *remote) noAnswer(limit time.Duration) error {
	return fmt.Errorf("connected to %s, but got no answer within %v: is dynlb stopped or overloaded?", r.address, limit)
}
