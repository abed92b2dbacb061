// Package cli is the command line of dynlb: the commands that talk to a running
// dynlb, those that need none, and the flags of `dynlb serve`.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
)

// The exit codes.
const (
	exitDone  = 0
	exitFail  = 1 // failed at run time
	exitUsage = 2 // bad usage or bad config

	exitInterrupted = 128 + 2 // by SIGINT, as shells have it
)

// Run carries out one command line and returns the exit code. version is what the
// linker was told, empty for what the Go toolchain knows of the source.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, version string) int {
	root := newRoot(&options{version: versionText(version)})
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
	var unfit daemon.ConfigError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		complain(stderr, "dynlb: ", err)
		return exitInterrupted
	case errors.As(err, &bad):
		complain(stderr, "", err)
		return exitUsage
	case errors.As(err, &usage), errors.As(err, &unfit):
		complain(stderr, "dynlb: ", err)
		return exitUsage
	default:
		complain(stderr, "dynlb: ", err)
		return exitFail
	}
}

// complaintTimeout is how long the reason of a failure may take to be read.
const complaintTimeout = time.Second

// complain says why the command failed, but waits for nobody to read it for longer
// than complaintTimeout: dynlb ends also when its standard error is full.
func complain(stderr io.Writer, prefix string, err error) {
	said := make(chan struct{})
	go func() { // ends with the process when it is stuck
		defer close(said)
		fmt.Fprintf(stderr, "%s%v\n", prefix, err)
	}()
	select {
	case <-said:
	case <-time.After(complaintTimeout):
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// options are the flags that more than one command has.
type options struct {
	version  string // of this binary
	config   string
	admin    string
	identity identity
}

func newRoot(o *options) *cobra.Command {
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
		Version:       versionLine(o.version),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.PersistentFlags().StringVarP(&o.config, "config", "c", "",
		"config file (default config.yaml, or the built-in defaults where there is none)")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag exists
	root.SetFlagErrorFunc(flagError)
	helpInOnePiece(root)
	root.AddCommand(newServe(o), newStatus(o), newScale(o), newRestart(o), newWatch(o), newCheck(o), newBackend(), newVersion(o), newGuard())
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
