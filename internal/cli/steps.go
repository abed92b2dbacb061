package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/terminal"
)

// goesOnError says that the command was interrupted, and what it has begun was not.
type goesOnError string

// Error implements error.
func (e goesOnError) Error() string { return string(e) }

// steps returns the next step of a call, as a line, and io.EOF after the last one.
type steps func() (string, error)

// printSteps prints the steps of a call, which goes on if the command is interrupted. The
// error is detached then. what is the call, such as the deploy.
func (o *options) printSteps(cmd *cobra.Command, what string, detached goesOnError, call func(context.Context, *remote) (steps, error)) error {
	r, err := dial(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer r.close()
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	next, err := call(ctx, r)
	if err != nil {
		return r.explainOf(cmd.Context(), err, what)
	}
	for {
		line, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return detached
		case err != nil:
			return r.explainOf(cmd.Context(), err, what)
		}
		fmt.Fprintln(cmd.OutOrStdout(), terminal.Printable(line))
	}
}
