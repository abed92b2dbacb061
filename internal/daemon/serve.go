package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/reap"
	"github.com/dynlb/dynlb/internal/runs"
	"github.com/dynlb/dynlb/proxy"
)

// ServeOptions are the flags of `dynlb serve` and what it needs of its process.
type ServeOptions struct {
	ConfigPath string // empty: config.DefaultPath if it exists, the defaults if not
	// Load returns the config in place of a file, with an empty Path. Nil: ConfigPath is read.
	Load     func() (config.Config, error)
	LogLevel slog.Level
	Engine   proxy.Engine
	Stdout   io.Writer      // gets the access log, if the config says so
	Stderr   io.Writer      // gets the log
	Version  string         // of this binary
	Keeper   *keeper.Client // nil: there is none, and this process does it all
}

// Serve is `dynlb serve`: it runs a daemon until signals, or the end of ctx, stop
// it, and reloads the config on SIGHUP and when the file changes. The error is a
// [config.Error] or a [ConfigError] if the config has to be changed.
//
// It is [ErrCut] if requests in flight were cut off, and a [LoggedError] if the log has
// it: a log of JSON has no other lines.
func Serve(ctx context.Context, o ServeOptions) error {
	if err := watchable(cmp.Or(o.ConfigPath, config.FindDefault())); err != nil {
		return ConfigError{err}
	}
	asService := isService(mainEnvironment(o.Keeper), mainPID(o.Keeper), logging.IsTerminal(o.Stderr))
	file := configFile{path: o.ConfigPath, read: o.Load, service: asService}
	settings, err := file.load()
	if err != nil {
		return err
	}
	if err := Check(settings); err != nil {
		return err
	}
	// The reader of the log may end first, as tee does on Ctrl-C. Without this, a
	// write to it would kill dynlb. It stays until the process ends: main may still
	// have an error to print.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	service, inheritErr := serviceOf(o.Keeper)
	logs := logging.New(o.Stderr, o.LogLevel)
	defer logs.Close()
	slog.SetDefault(logs.Own) // for what the standard library logs
	if settings.Path == "" && o.Load == nil {
		logs.Own.Info("no " + config.DefaultPath + " found, using the defaults")
	}
	if inheritErr != nil {
		logs.Own.Warn("a socket of systemd is not used", "error", inheritErr)
	}
	defer tendGarbage(o.Engine)()
	addProcessor(o.Engine)
	runFolder, runErr := runs.Folder(os.Getenv)
	if runErr != nil {
		logs.Own.Info("'dynlb ls' does not show this run", "error", runErr)
	}
	err = serve(ctx, logs, Options{
		Config: settings, Load: file.load, Engine: o.Engine,
		Log: logs.Own, InstanceLog: logs.Instances, Stdout: o.Stdout, Version: o.Version,
		Service: service, Keeper: o.Keeper, Loops: processors(), RunFolder: runFolder,
	})
	if err != nil && !logging.IsTerminal(o.Stderr) {
		logs.Own.Error("serve failed", "error", err)
		return LoggedError{err}
	}
	return err
}

// ErrCut reports that the daemon has stopped, and that requests in flight were cut off.
var ErrCut = errors.New("requests in flight were cut off")

// LoggedError is an error that the log has.
type LoggedError struct{ error }

// Unwrap returns the error.
func (e LoggedError) Unwrap() error { return e.error }

// serve runs a daemon under the signals of the process, with a guard, a config watch
// and, as process 1, the reaping of orphans.
func serve(ctx context.Context, logs *logging.Logs, o Options) error {
	if o.Keeper != nil && o.Keeper.Welcome().IgnoresHangup {
		signal.Ignore(syscall.SIGHUP) // as dynlb was started with it
	}
	graceful, now, stop := Signals(ctx, logs.Own)
	defer stop()
	watch := newConfigWatch(cmp.Or(o.Config.Path, config.DefaultPath), logs.Own)
	defer watch.close()
	contained := contain(o) // no instance is started before that
	d, err := newServing(o)
	closeGuard, containErr := contained()
	defer closeGuard()
	if err := errors.Join(containErr, err); err != nil {
		return err
	}
	watch.others, d.requestReload = d.configFiles, watch.request
	watching, stopWatch := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stopWatch()
	running.Go(func() { watch.run(watching, d.Reload) })
	running.Go(func() { reap.Orphans(watching) })
	running.Go(func() { d.followKeeper(watching) })
	running.Go(func() { d.refuseUpgrades(watching) })
	defer context.AfterFunc(graceful, func() { d.Shutdown(now) })()
	err = d.Run(context.WithoutCancel(ctx)) // the end of ctx ends graceful and now
	if err == nil && d.cut && !d.moved {
		return ErrCut
	}
	return err
}

// contain kills what earlier runs have left behind and starts the guard, beside what the
// caller does. done waits for that.
func contain(o Options) (done func() (closeGuard func(), err error)) {
	if o.Keeper != nil { // it is its work
		return func() (func(), error) { return func() {}, nil }
	}
	o.Log.Info("instances are contained", "by", cgroup.Containment())
	closeGuard, err := func() {}, error(nil)
	var running sync.WaitGroup
	running.Go(func() {
		if guard, failure := orphan.Contain(o.Log); failure != nil {
			err = failure
		} else {
			closeGuard = guard
		}
	})
	return func() (func(), error) {
		running.Wait()
		return closeGuard, err
	}
}

// ErrNotServing is wrapped by the error of a worker that was to take over and could not: the
// keeper starts another one.
var ErrNotServing = errors.New("take over from another worker")

// newServing returns the daemon of the process that is to serve. A worker that takes over
// from another one builds nothing before that has frozen: the state folder and the
// listeners of a daemon belong to one process at a time.
func newServing(o Options) (*Daemon, error) {
	if o.Keeper == nil {
		return New(o)
	}
	if o.Keeper.Welcome().Epoch == 0 { // there is none before
		d, err := New(o)
		if err != nil {
			return nil, err
		}
		told, err := awaitServe(o.Keeper)
		if err != nil {
			return nil, errors.Join(err, d.cleanups.run(context.Background()))
		}
		d.options.epoch = told.Epoch
		return d, nil
	}
	if err := rehearse(&o); err != nil {
		return nil, err
	}
	told, err := awaitServe(o.Keeper)
	if err != nil {
		return nil, err
	}
	o.epoch = told.Epoch
	if o.saved, err = readSaved(told.Blob); err != nil {
		o.Log.Error("state of the worker before is of no use", "error", err)
	}
	d, err := New(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotServing, err)
	}
	return d, nil
}

// configFile is the file that the config is loaded from.
type configFile struct {
	path    string                        // empty: config.DefaultPath, which need not exist
	read    func() (config.Config, error) // in place of a file; nil: path is read
	service bool                          // see isService
}

// load loads the config. Once a file was found, it is an error if it is missing.
func (f *configFile) load() (config.Config, error) {
	read := f.read
	if read == nil {
		read = func() (config.Config, error) { return config.Load(f.path, os.Getenv) }
	}
	settings, err := read()
	if err == nil {
		f.path = settings.Path
		resolveDrainDelay(&settings, f.service)
		resolveStateDir(&settings, os.Getenv)
	}
	return settings, err
}
