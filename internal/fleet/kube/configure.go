package kube

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
)

// migrationLimit is how long the API server of another Cluster may take to list its pods.
const migrationLimit = 30 * time.Second

// migration is a change of the Cluster. The present pods stay until those of the new one are
// listed, and run on.
type migration struct {
	began  time.Time
	before Settings
	old    []*pod
	done   chan error
}

// Configure puts other settings in force. See [fleet.Fleet].
func (f *Fleet) Configure(settings fleet.Settings) <-chan error {
	return fleet.Configure(settings, errStopped, func(own Settings, done chan error) (begun bool) {
		f.call(func() {
			if begun = !f.stopping; begun {
				f.configure(own, done)
			}
		})
		return begun
	})
}

// configure runs in the loop.
func (f *Fleet) configure(settings Settings, done chan error) {
	before := f.settings
	if settings.Same(&before) {
		f.settings = settings
		if f.moving == nil {
			done <- nil
			return
		}
		f.moving.done <- fleet.ErrSuperseded
		f.moving.done = done // the migration under way is that to this Cluster
		return
	}
	c, err := newClient(&settings.Cluster)
	if err != nil {
		done <- err
		return
	}
	if f.moving != nil {
		before = f.moving.before
		f.endMigration(fleet.ErrSuperseded)
	}
	f.settings = settings
	f.begin(context.Background(), c) // endSources ends it
	f.last = lastPicture{}
	f.moving = &migration{began: time.Now(), before: before, old: f.inOrder(), done: done}
}

// migrate ends a migration when none of the old pods is in use, or takes it back when the new
// ones are not listed. It runs in the loop.
func (f *Fleet) migrate(now time.Time) {
	m := f.moving
	if m == nil {
		return
	}
	if !f.last.known {
		if now.Sub(m.began) > migrationLimit {
			f.settings = m.before
			f.endMigration(errors.New("the pods are not listed: " + errorText(true, f.source.age().err)))
			f.connect(context.Background())
		}
		return
	}
	for _, p := range m.old { // those that are listed are pods of the present Cluster, too
		if f.pods[p.seen.key] == p && !p.listed {
			return
		}
	}
	f.endMigration(nil)
}

func (f *Fleet) endMigration(err error) {
	if f.moving != nil {
		f.moving.done <- err
		f.moving = nil
	}
}
