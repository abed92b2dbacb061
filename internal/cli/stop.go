package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/runs"
)

// errStopGoesOn is the error of an interrupt.
const errStopGoesOn goesOnError = "the stop goes on; 'dynlb ls' shows whether dynlb still runs"

// errCutByStop is the error of a stop that was to wait for the requests.
var errCutByStop = fmt.Errorf("stopped, and %w: they took longer than drainTimeout, or another order has stopped dynlb at once", daemon.ErrCut)

const (
	// stopMargin is how much longer than announced a stop may take until stop gives up.
	stopMargin = 10 * time.Second
	// stopPoll is how often stop looks whether dynlb still runs.
	stopPoll = 50 * time.Millisecond
)

func newStop(o *options) *cobra.Command {
	var now, force bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop dynlb and its instances",
		Long: `Stop dynlb: the requests in flight finish, then all instances stop, and the command ends
when dynlb has ended. The exit code is 4 if requests took longer than drainTimeout and
were cut off. With --now nothing is waited for. To stop one instance, see
'dynlb drain', and to have fewer of them, 'dynlb scale'.

A dynlb that systemd runs would be started again. The command says how to stop such a
one, and stops it only with --force.`,
		Example: "  dynlb stop\n  dynlb stop --now --admin 127.0.0.1:4001",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("stop ends the whole dynlb and takes no argument; to stop one instance: dynlb drain %s", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			record := recordAt(r.address, runs.List(runs.Folders(os.Getenv)))
			if record != nil && record.Unit != "" && !force {
				return fmt.Errorf("systemd runs this dynlb, and would start it again: %s (or --force)", unitCommand(record, "stop"))
			}
			return r.stop(cmd, record, now)
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().BoolVar(&now, "now", false, "cut requests in flight off, and kill the instances")
	cmd.Flags().BoolVar(&force, "force", false, "stop it also if systemd starts it again")
	return cmd
}

// unitCommand returns the command that has systemd do something with the service that a
// dynlb is.
func unitCommand(r *runs.Record, verb string) string {
	if r.UserUnit {
		return "systemctl --user " + verb + " " + r.Unit
	}
	return "systemctl " + verb + " " + r.Unit
}

// recordAt returns the record of the dynlb whose control listener is at an address, if
// that is on this machine; nil if there is none.
func recordAt(address string, all []runs.Record) *runs.Record {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	for i := range all {
		theirHost, theirPort, err := net.SplitHostPort(all[i].Admin)
		if err == nil && theirPort == port && sameHost(host, theirHost) {
			return &all[i]
		}
	}
	return nil
}

// sameHost reports whether a client that connects to host reaches a listener on another.
func sameHost(host, listener string) bool {
	if host == listener {
		return true
	}
	ip := net.ParseIP(listener)
	local := host == "localhost" || net.ParseIP(host).IsLoopback()
	return ip.IsUnspecified() && local || host == "localhost" && ip.IsLoopback()
}

// stop stops dynlb, and waits until its process has ended.
func (r *remote) stop(cmd *cobra.Command, record *runs.Record, now bool) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), callTimeout)
	defer cancel()
	response, err := r.Stop(ctx, &dynlbv1.StopRequest{Now: now})
	if status.Code(err) == codes.Unimplemented {
		return errors.New("this dynlb cannot be stopped by a command; send its process a SIGTERM")
	}
	if err != nil {
		return r.explain(cmd.Context(), err)
	}
	limit := response.GetTimeout().AsDuration()
	out := cmd.OutOrStdout()
	if now {
		fmt.Fprintf(out, "dynlb (pid %d) stops at once\n", response.GetPid())
	} else {
		fmt.Fprintf(out, "dynlb (pid %d) stops, which may take up to %v\n", response.GetPid(), limit)
	}
	ended := func() bool { return !listens(cmd.Context(), r.address) }
	if record != nil && int64(record.PID) == response.GetPid() {
		ended = func() bool { return !record.Alive() }
	} else {
		record = nil
	}
	interrupted, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	waiting, cancelWait := context.WithTimeout(interrupted, limit+stopMargin)
	defer cancelWait()
	switch err := poll(waiting, stopPoll, ended); {
	case err == nil && record != nil && record.TakeCut():
		if now {
			fmt.Fprintln(out, "stopped; requests in flight were cut off")
			return nil
		}
		return errCutByStop
	case err == nil && record != nil:
		fmt.Fprintln(out, "stopped")
		return nil
	case err == nil:
		fmt.Fprintln(out, "its control listener is closed; it runs elsewhere, so that its end cannot be seen from here")
		return nil
	case interrupted.Err() != nil:
		return errStopGoesOn
	default:
		return fmt.Errorf("dynlb (pid %d) still runs after %v; 'dynlb stop --now' does not wait, and SIGKILL ends it: no instance outlives it", response.GetPid(), limit+stopMargin)
	}
}

// listens reports whether there is a listener at an address.
func listens(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// poll calls done again and again until it returns true, or ctx ends.
func poll(ctx context.Context, interval time.Duration, done func() bool) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
