package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// The time between two attempts to connect again: it doubles from the first to the last.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// reconnectFlag gives cmd the flag of a command that follows a stream.
func reconnectFlag(cmd *cobra.Command, off *bool) {
	cmd.Flags().BoolVar(off, "no-reconnect", false, "end when dynlb ends, and do not wait for the next one")
}

// follower follows a stream of a dynlb. When dynlb ends, it goes on with the next one that
// has the same address.
type follower struct {
	options *options
	off     bool                           // end with dynlb
	tell    func(lost bool, reason string) // tells when the connection is lost, or is there again

	reached bool          // there was a connection to a dynlb
	lost    bool          // the connection is gone
	wait    time.Duration // until the next attempt
}

// run calls follow with a connection, and again when dynlb has come back, until follow
// returns nil or an error that does not come from a lost connection, or ctx ends. Follow
// calls received for each message; what it returns of a stream is the error as it is.
func (f *follower) run(ctx context.Context, follow func(ctx context.Context, r *remote, received func()) error) error {
	for f.wait = firstRetry; ; {
		err := f.try(ctx, follow)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // interrupted: that is how following ends
		}
		_, lost := errors.AsType[lostError](err)
		switch {
		case !lost || !f.reached:
			return err
		case f.off:
			return fmt.Errorf("the connection is lost: %w", err)
		}
		if !f.lost {
			f.lost = true
			f.tell(true, err.Error())
		}
		if !sleep(ctx, f.wait) {
			return nil
		}
		f.wait = min(2*f.wait, lastRetry)
	}
}

// try connects and follows once. The error is a lostError if it is worth another attempt.
func (f *follower) try(ctx context.Context, follow func(ctx context.Context, r *remote, received func()) error) error {
	r, err := dial(ctx, f.options)
	if err != nil {
		return lostError{err} // before the first connection that counts for nothing
	}
	defer r.close()
	if r.conn.GetState() == connectivity.Ready {
		f.noteConnection()
	}
	err = follow(ctx, r, func() { f.wait = firstRetry })
	if err == nil || ctx.Err() != nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok { // of the output
		return err
	}
	switch s.Code() {
	case codes.Unavailable, codes.Canceled, codes.ResourceExhausted: // gone, or too many watchers
		if f.reached {
			return lostError{errors.New(s.Message())}
		}
	default:
	}
	return r.explain(ctx, err)
}

// noteConnection notes that a dynlb is there.
func (f *follower) noteConnection() {
	f.reached = true
	if f.lost {
		f.lost = false
		f.tell(false, "")
	}
}

// tellOn returns a function that tells on standard error when the connection is lost, and
// when it is there again.
func tellOn(stderr io.Writer) func(bool, string) {
	return func(lost bool, reason string) {
		if lost {
			fmt.Fprintf(stderr, "dynlb: the connection is lost: %s; waiting for dynlb (--no-reconnect ends here)\n", reason)
			return
		}
		fmt.Fprintln(stderr, "dynlb: connected again")
	}
}

// lostError is that of a connection to a dynlb that may come back.
type lostError struct{ error }

// Unwrap returns the error.
func (e lostError) Unwrap() error { return e.error }

// sleep waits for d, and returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
