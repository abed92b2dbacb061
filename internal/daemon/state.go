package daemon

import (
	"cmp"
	"context"
	"errors"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/state"
	"github.com/dynlb/dynlb/server"
)

// errStateDir is why a reload cannot change stateDir: the process holds the folder, and
// the history in it belongs together.
var errStateDir = errors.New("stateDir, history and logs cannot change while dynlb runs; restart it")

// sameState reports whether two configs keep the same things in the same place.
func sameState(a, b *config.Config) bool {
	return a.StateDir == b.StateDir && a.History == b.History && a.Logs == b.Logs
}

// resolveStateDir sets the stateDir that the config leaves to dynlb. It stays empty if
// the environment names no place.
func resolveStateDir(c *config.Config, getenv func(string) string) {
	if c.StateDir != "" {
		return
	}
	if path, err := state.Default(getenv, cmp.Or(c.Path, config.DefaultPath)); err == nil {
		c.StateDir = path
	}
}

// openKept opens what outlives this process.
func (d *Daemon) openKept() error {
	d.cleanups.add(func(ctx context.Context) error {
		d.parts.Wait() // apps record until they have ended
		return d.keeping.close(ctx)
	})
	d.openState()
	d.openSessions()
	return errors.Join(d.openHistory(), d.openLogs())
}

// openState opens the state folder of the config. Without one, dynlb keeps nothing, and
// the log says so once: it serves all the same.
func (d *Daemon) openState() {
	path := d.plan.config.StateDir
	switch path {
	case config.Off:
		return
	case "":
		d.log.Info("no stateDir: nothing is kept over a restart")
		return
	}
	folder, err := state.Open(path)
	if err != nil {
		d.log.Warn("stateDir cannot be used, nothing is kept over a restart", "error", err)
		return
	}
	d.state = folder
	d.keeping.add(func(context.Context) error { return folder.Close() })
	d.noteUncleanEnd()
	d.log.Debug("stateDir opened", "path", folder.Path())
}

// openSessions reads which sessions of the dashboard were logged out.
func (d *Daemon) openSessions() {
	sessions, err := server.NewSessions(d.state)
	if err != nil {
		d.log.Warn("sessions of the dashboard that were logged out are valid again", "error", err)
	}
	d.sessions = sessions
}

// stateFolder returns a folder in that of the state. It is "" if there is none: then what
// would be in it is kept in memory.
func (d *Daemon) stateFolder(name string) string {
	path, err := d.state.Sub(name)
	if err != nil && d.state != nil {
		d.log.Warn(name+" cannot be kept over a restart", "error", err)
	}
	return path
}

// store returns what keeps the versions in force: the state folder, or memory that the next
// worker gets.
func (d *Daemon) store() deploy.Store {
	if d.state != nil {
		return d.state
	}
	return d.documents
}
