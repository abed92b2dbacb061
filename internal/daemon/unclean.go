package daemon

import (
	"context"
	"fmt"
	"time"
)

// runningDocument is the document of the state folder that is there while dynlb runs.
const runningDocument = "running"

// running is what it holds.
type running struct {
	Begin time.Time `json:"begin"`
}

// noteUncleanEnd finds out whether the dynlb before this one has ended without a shutdown.
func (d *Daemon) noteUncleanEnd() {
	var before running
	found, err := d.state.Load(runningDocument, &before)
	if !found && err == nil {
		return
	}
	d.unclean = "dynlb was started again: the one before it had ended without a shutdown"
	if err == nil {
		d.unclean = fmt.Sprintf("dynlb was started again: the one that began at %s had ended without a shutdown", before.Begin.Format(time.RFC3339))
	}
	d.log.Warn(d.unclean)
}

// reportUncleanEnd makes it an event of all apps.
func (d *Daemon) reportUncleanEnd() {
	if d.unclean == "" {
		return
	}
	for _, a := range d.apps.All() {
		a.Board.RecordUncleanEnd(d.unclean)
	}
}

// markRunning notes that dynlb runs, until its shutdown.
func (d *Daemon) markRunning() {
	if d.state == nil {
		return
	}
	if err := d.state.Save(runningDocument, running{time.Now()}); err != nil {
		d.log.Warn("an end without a shutdown will not be noticed", "error", err)
		return
	}
	d.keeping.add(func(context.Context) error { return d.state.Remove(runningDocument) }) // another worker is no start
}
