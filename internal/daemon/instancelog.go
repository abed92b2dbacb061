package daemon

import (
	"context"
	"log/slog"

	"github.com/dynlb/dynlb/internal/instancelog"
)

// openLogs opens what keeps the output of instances: in files of the state folder, or some
// lines in memory. From then on the log of instances passes lines through it.
func (d *Daemon) openLogs() error {
	c := &d.plan.config.Logs
	o := instancelog.Options{MaxSize: c.MaxSize, MaxTotal: c.MaxTotal, MaxAge: c.MaxAge, Log: d.log}
	if c.MaxTotal > 0 {
		o.Dir = d.stateFolder("logs")
	}
	store, err := instancelog.Open(o)
	if err != nil && o.Dir != "" {
		d.log.Warn("the output of instances cannot be kept over a restart", "error", err)
		o.Dir = ""
		store, err = instancelog.Open(o)
	}
	if err != nil {
		return err
	}
	d.logs = store
	d.keeping.add(func(context.Context) error { return store.Close() })
	var next slog.Handler
	switch c.To {
	case "journald":
		journal, err := instancelog.OpenJournal(instancelog.JournalSocket)
		if err != nil {
			return ConfigError{err}
		}
		d.keeping.add(func(context.Context) error { return journal.Close() })
		next = journal
	case "none":
	default:
		next = d.options.InstanceLog.Handler()
	}
	d.options.InstanceLog = slog.New(instancelog.NewHandler(store, next))
	return nil
}
