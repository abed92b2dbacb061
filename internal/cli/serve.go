package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/recipe"
	"github.com/dynlb/dynlb/proxy"
)

// logLevels are the values of --log-level.
var logLevels = []string{"debug", "info", "warn", "error"}

func newServe(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [flags] [FILE | COMMAND...]",
		Short: "Run the load balancer",
		Long: `Start the instances of the app, and balance HTTP over them.

FILE or COMMAND is served without a config, with the defaults: a script for Bun or
Node, a file of Python, Ruby or PHP, or any program with its arguments, in which {port}
stands for the port. It is started once before, to see which path answers the health
check. 'dynlb init' writes the same as a config.

SIGINT, SIGTERM or the end of the terminal stops dynlb: it finishes the requests in
flight, and then stops the instances. A second signal stops it at once.

A change of the config file, or SIGHUP, reloads the config. No request is lost. An
invalid config changes nothing.`,
		Example: `  dynlb serve
  dynlb serve app.ts
  dynlb serve node server.js --port {port}`,
		Args: cobra.ArbitraryArgs,
	}
	f := addServeFlags(cmd)
	noKeeper := cmd.Flags().Bool("no-keeper", !keeper.Available, "run as a single process: a crash of dynlb ends the instances")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		warnMisplaced(cmd, args)
		if *noKeeper || !ownFiles(cmd) {
			return f.serve(cmd, o, args, nil)
		}
		code, err := daemon.Keep(cmd.Context(), f.workerArgs(o, args), f.level, o.version)
		if err == nil && code != exitDone {
			err = workerExitError{code}
		}
		return err
	}
	return cmd
}

// warnMisplaced tells of arguments of the app that are flags of the command.
func warnMisplaced(cmd *cobra.Command, args []string) {
	for i, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if i == 0 || !strings.HasPrefix(name, "--") || cmd.Flags().Lookup(name[2:]) == nil || name == "--help" {
			continue
		}
		if !found && i+1 < len(args) {
			value = " " + args[i+1]
		} else if found {
			value = "=" + value
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "dynlb: warning: %s goes to the app; if it is for dynlb, write it first: %s %s%s %s\n",
			name, cmd.CommandPath(), name, value, args[0])
	}
}

// ownFiles reports whether a command prints to the standard files of this process, which a
// worker inherits.
func ownFiles(cmd *cobra.Command) bool {
	return underlying(cmd.OutOrStdout()) == os.Stdout && cmd.ErrOrStderr() == os.Stderr
}

// workerExitError is the exit code of a worker, which has printed why.
type workerExitError struct{ code int }

// Error implements error.
func (e workerExitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// newWorker returns the command of the process that does the work of serve.
func newWorker(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:    "worker",
		Short:  "Do the work of 'dynlb serve', which starts it",
		Hidden: true,
		Args:   cobra.ArbitraryArgs,
	}
	f := addServeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := keeper.Dial(o.version)
		if err != nil {
			return err
		}
		if client == nil {
			return usageError{errors.New("'dynlb serve' starts this command")}
		}
		err = f.serve(cmd, o, args, client)
		if code, _ := exitCode(err); code == exitUsage {
			_ = client.RejectConfig() // it fails when the keeper is gone
		}
		if !errors.Is(err, daemon.ErrNotServing) {
			_ = client.Bye() // not after a panic: then the keeper starts another worker
		}
		return err
	}
	return cmd
}

// serveFlags are the flags of serve that its worker has, too.
type serveFlags struct {
	level  slog.Level
	engine proxy.Engine
	listen string
}

// serve does the work, in a process that has a keeper or none.
func (f *serveFlags) serve(cmd *cobra.Command, o *options, args []string, client *keeper.Client) error {
	var load func() (config.Config, error)
	if len(args) > 0 {
		var err error
		if load, err = f.loadArguments(cmd, o, args, client); err != nil {
			return err
		}
	} else if f.listen != "" {
		return usageError{errors.New("--listen is for FILE or COMMAND; a config says it with its key listen")}
	}
	return daemon.Serve(cmd.Context(), daemon.ServeOptions{
		ConfigPath: o.config, Load: load, LogLevel: f.level, Engine: f.engine, Stdout: underlying(cmd.OutOrStdout()), Stderr: cmd.ErrOrStderr(),
		Version: o.version, Keeper: client,
	})
}

// workerArgs returns the command line of a worker with the same flags and arguments.
func (f *serveFlags) workerArgs(o *options, serve []string) []string {
	engine, _ := f.engine.MarshalText() // it has no error
	args := []string{"worker", "--log-level", f.level.String(), "--engine", string(engine)}
	if o.config != "" {
		args = append(args, "--config", o.config)
	}
	if f.listen != "" {
		args = append(args, "--listen", f.listen)
	}
	return append(append(args, "--"), serve...)
}

// addServeFlags adds the flags to a command.
func addServeFlags(cmd *cobra.Command) *serveFlags {
	f := new(serveFlags)
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows COMMAND are its own flags
	flags.TextVar(&f.level, "log-level", slog.LevelInfo, "minimum level to log: "+strings.Join(logLevels, ", "))
	flags.Lookup("log-level").DefValue = "info" // slog writes INFO
	flags.TextVar(&f.engine, "engine", proxy.EngineAuto,
		"what carries requests: fast (event loops, Linux only), std (net/http), or auto (fast where available)")
	flags.StringVar(&f.listen, "listen", "", "where clients of FILE or COMMAND connect (default :4000)")
	for flag, values := range map[string][]string{"log-level": logLevels, "engine": {"auto", "fast", "std"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, // the flag exists
			cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return f
}

// loadArguments returns what loads the config of an app that the command line names. A
// config file would say something else. The app is tried once only: the keeper has the
// outcome for a later worker.
func (f *serveFlags) loadArguments(cmd *cobra.Command, o *options, args []string, client *keeper.Client) (func() (config.Config, error), error) {
	path := o.config
	if path == "" {
		path = config.FindDefault()
	}
	if _, err := os.Stat(path); o.config != "" || !errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("%s says what to serve, and so does %q; leave out one of them", path, strings.Join(args, " "))}
	}
	text := ""
	if client != nil {
		text = client.Welcome().Config
	}
	if text == "" {
		r, health, err := tryApp(cmd.Context(), ".", args, false, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
		if err != nil {
			return nil, err
		}
		r.Env = slices.DeleteFunc(r.Env, func(v recipe.Variable) bool { return os.Getenv(v.Name) != "" })
		text = r.Config(health, f.listen)
	}
	if client != nil {
		if err := client.SaveConfig(text); err != nil {
			return nil, err
		}
	}
	return func() (config.Config, error) {
		settings, err := config.Parse(args[0], []byte(text), ".", os.Getenv)
		settings.Path = "" // there is no file to watch
		return settings, err
	}, nil
}
