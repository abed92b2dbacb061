package daemon

import (
	"context"

	"github.com/dynlb/dynlb/internal/history"
	"github.com/dynlb/dynlb/internal/notice"
)

// openHistory opens what is remembered of the past: in the state folder, or in memory.
func (d *Daemon) openHistory() error {
	c := &d.plan.config.History
	o := history.Options{Dir: d.stateFolder("history"), MaxBytes: c.MaxSize, MaxAge: c.MaxAge, Log: d.log}
	store, err := history.Open(o)
	if err != nil && o.Dir != "" {
		d.log.Warn("history cannot be kept over a restart", "error", err)
		o.Dir = ""
		store, err = history.Open(o)
	}
	if err != nil {
		return err
	}
	d.history = store
	d.events = notice.NewSequence(store.Last())
	d.keeping.add(func(context.Context) error { return store.Close() })
	return nil
}

// recordApp returns what keeps the events and the figures of an app.
func (d *Daemon) recordApp(name string) func(context.Context, *notice.Board) {
	meter := d.meters.Of(name)
	return func(ctx context.Context, board *notice.Board) { d.history.Record(ctx, name, board, meter) }
}
