package daemon

import (
	"context"

	"github.com/dynlb/dynlb/internal/accesslog"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/server"
)

// accessLogSettings returns the settings of the access log that a config asks for.
func accessLogSettings(c *config.AccessLog) accesslog.Settings {
	return accesslog.Settings{
		To: c.To, Format: accesslog.Format(c.Format), Query: c.Query, MaxSize: c.MaxSize, Keep: c.Keep,
	}
}

// startAccessLog opens the first access log, if the config asks for one.
func (d *Daemon) startAccessLog() error {
	d.metrics.CountDroppedAccessLines(d.droppedAccessLines)
	l, err := d.openAccessLog(&d.plan.config)
	if err != nil {
		return err
	}
	d.useAccessLog(l)
	d.cleanups.add(func(context.Context) error {
		d.useAccessLog(nil)
		return nil
	})
	return nil
}

// openAccessLog opens the access log of a config. It returns nil if there is none, and
// the present one if that stays.
func (d *Daemon) openAccessLog(c *config.Config) (*accesslog.Log, error) {
	settings := accessLogSettings(&c.AccessLog)
	present := d.access.Load()
	switch {
	case settings.To == "":
		return nil, nil
	case present != nil && present.Settings() == settings:
		return present, nil
	}
	l, err := accesslog.Open(settings, d.options.Stdout, d.log)
	if err != nil {
		return nil, ConfigError{err}
	}
	return l, nil
}

// useAccessLog has requests logged in next from now on, and closes the present log unless
// it is the same.
func (d *Daemon) useAccessLog(next *accesslog.Log) {
	before := d.access.Swap(next)
	if before == nil || before == next {
		return
	}
	d.droppedLines.Add(before.Dropped())
	if err := before.Close(); err != nil {
		d.log.Warn("close the previous access log", "error", err)
	}
}

// discardAccessLog closes a log that is not going to be used.
func (d *Daemon) discardAccessLog(l *accesslog.Log) {
	if l != nil && l != d.access.Load() {
		_ = l.Close() // nothing was written to it
	}
}

// droppedAccessLines returns how many lines were not written to the access logs.
func (d *Daemon) droppedAccessLines() float64 {
	n := d.droppedLines.Load()
	if l := d.access.Load(); l != nil {
		n += l.Dropped()
	}
	return float64(n)
}

// record counts a request in the metrics, and has it logged.
func (d *Daemon) record(o *outcome.Outcome) {
	d.metrics.Record(server.Request{App: o.App, Code: o.Code, Source: o.Source.String(), Duration: o.Duration})
	if l := d.access.Load(); l != nil {
		l.Record(o)
	}
}
