package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
)

// clientFlags gives cmd the flags of a command that talks to a running dynlb.
func clientFlags(cmd *cobra.Command, o *options) {
	cmd.Flags().StringVar(&o.admin, "admin", "",
		"host:port of the gRPC control listener (default: admin of the config)")
	o.identity.register(cmd)
}

// dial returns a client of the dynlb that o points at, and how to close it. It
// does not wait for a connection.
func dial(o *options) (client dynlbv1.ControlClient, address string, closeConn func(), err error) {
	address = o.admin
	var auth *config.Auth // of the config, if that names the listener
	if address == "" {
		settings, err := config.Load(o.config, os.Getenv)
		if err != nil {
			return nil, "", nil, fmt.Errorf("%w\n(or name the control listener with --admin)", err)
		}
		address, auth = settings.Admin, &settings.Auth
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", nil, usageError{fmt.Errorf("--admin %q is not host:port, such as 127.0.0.1:4001", address)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // what listens everywhere is here too
		address = net.JoinHostPort(host, port)
	}
	dialOptions, err := o.identity.dialOptions(host, auth)
	if err != nil {
		return nil, "", nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+address, dialOptions...)
	if err != nil {
		return nil, "", nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return dynlbv1.NewControlClient(conn), address, func() { _ = conn.Close() }, nil
}

// explain makes the error of a call one that says what to do about it.
func explain(err error, address string) error {
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unavailable:
		return fmt.Errorf("no dynlb answers on %s: %s\n%s", address, s.Message(), connectHint(s.Message()))
	case codes.Unauthenticated:
		return fmt.Errorf("%s; %s", s.Message(), deniedHint(s.Message()))
	case codes.InvalidArgument:
		return usageError{errors.New(s.Message())}
	default:
		return errors.New(s.Message())
	}
}
