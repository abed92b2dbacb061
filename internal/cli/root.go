package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// options are the version and the flags that several commands have.
type options struct {
	version  string // of this binary
	config   string
	admin    string
	at       string // the address, in place of that of the config; "": none
	app      string
	identity identity
}

// newRoot returns the command `dynlb` with all others below it.
func newRoot(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "dynlb",
		Short: "Run instances of an app, scale them with the load, and balance HTTP over them",
		Long: `dynlb starts instances of an HTTP app, checks their health, scales them with the
load between minInstances and maxInstances, and proxies each request to the least
loaded healthy one.

  dynlb init               write a config for the app in this folder
  dynlb serve              run the load balancer (GET /lb-status on its port)
  dynlb status | watch     show the instances, once or continuously
  dynlb top                the whole state on one screen, with keys
  dynlb ls                 all dynlb on this machine
  dynlb scale N            set the number of instances
  dynlb logs -f            what the instances print
  dynlb events | history   what happened, also before the last restart
  dynlb explain            why there are as many instances, and what would change that
  dynlb restart            replace all instances without losing a request
  dynlb deploy ./v2        put another version in force, and 'dynlb rollback' the one before
  dynlb stop | reload      stop dynlb, or have it read its config again`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	// Not by Command.Version, whose template would have the linker keep every exported
	// method of every type: a template may call any.
	version := root.Flags().BoolP("version", "v", false, "version for dynlb")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *version {
			fmt.Fprintln(cmd.OutOrStdout(), versionLine(o.version))
			return nil
		}
		return cmd.Help()
	}
	root.Args = unknownCommand
	root.PersistentFlags().StringVarP(&o.config, "config", "c", "",
		"config file (default config.yaml or config.yml, or the built-in defaults if there is neither)")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag exists
	root.SetFlagErrorFunc(flagError)
	writeHelpAtOnce(root)
	root.AddCommand(
		newInit(o), newServe(o), newCheck(o), newSimulate(o), newRecord(o), newService(o), // a config and its run
		newStatus(o), newWatch(o), newTop(o), newLogs(o), newEvents(o), newHistory(o), newExplain(o), newLs(o), // to see
		newScale(o), newRestart(o), newDrain(o), newDeploy(o), newRollback(o), newUpgrade(o), newPause(o), newResume(o), newReload(o), newStop(o), // to change
		newBackend(), newMan(), newVersion(o), newGuard(), newWorker(o),
	)
	root.AddCommand(newOtherWords()...)
	argumentsAreUsage(root)
	return root
}

// unknownCommand returns the error of a command that does not exist below parent; nil
// without arguments.
func unknownCommand(parent *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if near := nearest(parent, args[0]); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return usageError{errors.New(message + " (see '" + parent.CommandPath() + " --help')")}
}

// noArguments returns the error of a command that takes no arguments and was given
// some.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown argument %q", args[0])
}

// argumentsAreUsage has the errors of the arguments of all commands below one be usage
// errors.
func argumentsAreUsage(parent *cobra.Command) {
	for _, c := range parent.Commands() {
		c.Args = asUsageError(c.Args)
		argumentsAreUsage(c)
	}
}

// asUsageError returns check with its errors as usage errors. Nil: no arguments.
func asUsageError(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = noArguments
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w (usage: %s)", err, cmd.UseLine())}
		}
		return nil
	}
}
