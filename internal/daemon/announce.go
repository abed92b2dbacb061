package daemon

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dynlb/dynlb/internal/runs"
	"github.com/dynlb/dynlb/internal/systemd"
)

// announce makes known what is in force: how long a stop may take, and the record of this
// run, which has the addresses.
func (d *Daemon) announce() {
	c := &d.plan.config
	d.stopTime.Store(int64(StopTime(c)))
	if d.options.RunFolder == "" {
		return
	}
	r := d.runRecordNow()
	path, err := r.Write(d.options.RunFolder)
	if err != nil {
		d.log.Warn("'dynlb ls' does not show this run", "error", err)
		return
	}
	d.runRecord = path
}

// runRecordNow returns the record of this run.
func (d *Daemon) runRecordNow() runs.Record {
	c := &d.plan.config
	r, at := runs.Of(mainPID(d.options.Keeper)), d.Addresses()
	r.Begin = d.begin
	if k := d.options.Keeper; k != nil && !k.Welcome().Report.Started.IsZero() { // an older keeper does not tell
		r.Begin = k.Welcome().Report.Started
	}
	if c.Path != "" {
		r.Config, _ = filepath.Abs(c.Path) // fails without a working directory: then it is not shown
	}
	r.Version, r.Apps = d.options.Version, slices.Sorted(maps.Keys(d.plan.apps))
	r.Listen, r.Admin, r.AdminHTTP = at.Listen, at.Admin, at.AdminHTTP
	if d.options.Service != nil {
		r.Unit, r.UserUnit = systemd.OwnUnit()
	}
	return r
}

// renounce removes the record of this run, or has it say that requests were cut off if a
// command waits for the end.
func (d *Daemon) renounce(context.Context) error {
	if d.runRecord == "" || d.moved { // the record is that of the next worker
		return nil
	}
	if d.cut && d.ordered.Load() {
		r := d.runRecordNow()
		r.Cut = true
		_, err := r.Write(d.options.RunFolder)
		return err
	}
	if err := os.Remove(d.runRecord); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
