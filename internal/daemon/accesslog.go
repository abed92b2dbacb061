package daemon

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/dynlb/dynlb/internal/accesslog"
	"github.com/dynlb/dynlb/internal/config"
)

// accessLogs are the access logs that a config asks for. They do not change.
type accessLogs struct {
	files map[accesslog.Settings]*accesslog.Log // by what concerns the file
	apps  map[string]*accesslog.Log             // by name; nil: the app has none
	other *accesslog.Log                        // of requests that are for no app; nil: none
}

// of returns the access log of an app, nil if it has none.
func (a *accessLogs) of(app string) *accesslog.Log {
	if l, ok := a.apps[app]; ok {
		return l
	}
	return a.other
}

// fileOf returns what the settings of an access log say of the file.
func fileOf(c *config.AccessLog) accesslog.Settings {
	if c.To == accesslog.Stdout {
		return accesslog.Settings{To: c.To}
	}
	return accesslog.Settings{To: c.To, MaxSize: c.MaxSize, Keep: c.Keep}
}

// startAccessLog opens the first access logs, if the config asks for one.
func (d *Daemon) startAccessLog() error {
	d.access.Store(new(accessLogs))
	d.metrics.CountDroppedAccessLines(func() float64 { return float64(d.droppedAccessLines()) })
	logs, err := d.openAccessLogs(&d.plan.config)
	if err != nil {
		return err
	}
	d.useAccessLogs(logs)
	d.cleanups.add(func(context.Context) error {
		d.useAccessLogs(new(accessLogs))
		return nil
	})
	return nil
}

// openAccessLogs opens the access logs of a config, apart from the present ones that stay.
func (d *Daemon) openAccessLogs(c *config.Config) (*accessLogs, error) {
	logs := &accessLogs{files: map[accesslog.Settings]*accesslog.Log{}, apps: map[string]*accesslog.Log{}}
	var failures error
	open := func(c *config.AccessLog) *accesslog.Log {
		if c.To == "" {
			return nil
		}
		file := fileOf(c)
		l := logs.files[file]
		if l == nil {
			l = d.access.Load().files[file]
		}
		if l == nil {
			var err error
			if l, err = accesslog.Open(file, d.options.Stdout, d.log); err != nil {
				failures = errors.Join(failures, err)
				return nil
			}
		}
		logs.files[file] = l
		return l.In(accesslog.Format(c.Format), c.Query)
	}
	for _, a := range c.AllApps() {
		logs.apps[a.Name] = open(&a.AccessLog)
	}
	logs.other = open(&c.AccessLog)
	if failures != nil {
		d.discardAccessLogs(logs)
		return nil, ConfigError{failures}
	}
	return logs, nil
}

// useAccessLogs has requests logged in next from now on, and closes the present logs that
// are not among them.
func (d *Daemon) useAccessLogs(next *accessLogs) {
	before := d.access.Swap(next)
	for file, l := range before.files {
		if next.files[file] != nil {
			continue
		}
		d.droppedLines.Add(l.Dropped())
		if err := l.Close(); err != nil {
			d.log.Warn("close the previous access log", "error", err)
		}
	}
}

// discardAccessLogs closes logs that are not going to be used.
func (d *Daemon) discardAccessLogs(logs *accessLogs) {
	if logs == nil {
		return
	}
	present := d.access.Load()
	for file, l := range logs.files {
		if present.files[file] == nil {
			_ = l.Close() // nothing was written to it
		}
	}
}

// watchAccessLogs opens the files of the access logs again on SIGUSR1: another program, such
// as logrotate, has renamed them.
func (d *Daemon) watchAccessLogs(now context.Context) {
	ctx, cancel := context.WithCancel(now)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	d.parts.Go(func() { // ends with the cleanup
		defer signal.Stop(signals)
		d.reopenAccessLogs(ctx, signals)
	})
	d.cleanups.add(func(context.Context) error {
		cancel()
		return nil
	})
}

// reopenAccessLogs opens the files of the access logs again for each signal until ctx ends.
func (d *Daemon) reopenAccessLogs(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		d.log.Info("access logs reopened on SIGUSR1")
		for _, l := range d.access.Load().files {
			if err := l.Reopen(); err != nil {
				d.log.Error("access log", "error", err)
			}
		}
	}
}

// droppedAccessLines returns how many lines were not written to the access logs.
func (d *Daemon) droppedAccessLines() uint64 {
	n := d.droppedLines.Load()
	for _, l := range d.access.Load().files {
		n += l.Dropped()
	}
	return n
}
