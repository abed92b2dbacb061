// Command dynlb runs instances of an app, keeps them healthy, scales them with
// the load, and balances HTTP over them; and it talks to a dynlb that does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/grpclog"

	"github.com/dynlb/dynlb/internal/config"
)

// The exit codes.
const (
	exitDone  = 0
	exitFail  = 1 // failed at run time
	exitUsage = 2 // bad usage or bad config

	exitInterrupted = 128 + 2 // by SIGINT, as shells have it
)

// version is set by the linker for releases.
var version = ""

func main() {
	// What gRPC and its gateway would write to standard error on their own comes
	// back as errors too, and is logged or told where it happens.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	out := &output{w: stdout}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	fixDefaults(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	var bad *config.Error
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		complain(stderr, "dynlb: ", err)
		return exitInterrupted
	case errors.As(err, &bad):
		complain(stderr, "", err)
		return exitUsage
	case errors.As(err, &usage):
		complain(stderr, "dynlb: ", err)
		return exitUsage
	default:
		complain(stderr, "dynlb: ", err)
		return exitFail
	}
}

// complain says why the command failed, but waits for nobody to read it for longer
// than sinkTimeout: dynlb ends also when its standard error is full.
func complain(stderr io.Writer, prefix string, err error) {
	said := make(chan struct{})
	go func() { // ends with the process when it is stuck
		defer close(said)
		fmt.Fprintf(stderr, "%s%v\n", prefix, err)
	}()
	select {
	case <-said:
	case <-time.After(sinkTimeout):
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// options are the flags that more than one command has.
type options struct {
	config   string
	admin    string
	identity identity
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "dynlb",
		Short: "Run instances of an app, scale them with the load, and balance HTTP over them",
		Long: `dynlb spawns instances of an HTTP app, checks their health, scales them with the
live load between minInstances and maxInstances, and proxies to the least loaded
healthy one.

  dynlb serve              the load balancer itself (GET /lb-status on its port)
  dynlb status | watch     what it is doing
  dynlb scale N            how many instances there should be
  dynlb restart            replace them all, without losing a request`,
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.PersistentFlags().StringVarP(&o.config, "config", "c", "",
		"config file (default config.yaml, or the built-in defaults where there is none)")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag exists
	root.SetFlagErrorFunc(flagError)
	helpInOnePiece(root)
	root.AddCommand(newServe(&o), newStatus(&o), newScale(&o), newRestart(&o), newWatch(&o), newCheck(&o), newBackend(), newVersion(), newGuard())
	root.SetVersionTemplate("{{.Version}}\n")
	for _, c := range root.Commands() {
		c.Args = usage(c.Args)
		if flag := c.Flags().Lookup("log-level"); flag != nil {
			flag.DefValue = "info" // in the help, where it would be INFO
		}
	}
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		message := fmt.Sprintf("unknown command %q", args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			message += fmt.Sprintf("; did you mean %q?", near[0])
		}
		return usageError{errors.New(message + " (see 'dynlb --help')")}
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SuggestionsMinimumDistance = 2
	return root
}

// usage makes what check finds wrong with the arguments a usage error.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w (usage: %s)", err, cmd.UseLine())}
		}
		return nil
	}
}
