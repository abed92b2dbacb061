package server

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// App is an app as the control plane knows it. All fields but Siblings and Connections are
// required.
type App struct {
	// Name is the name that requests, state, events and metrics carry.
	Name string
	// Board shows the instances and the report of the app.
	Board *notice.Board
	// Scaler carries out ScaleTo.
	Scaler Scaler
	// Restarter carries out RestartInstances and DrainInstance.
	Restarter Restarter
	// Deployer carries out Deploy and Rollback.
	Deployer Deployer
	// Pauser carries out PauseApp and ResumeApp.
	Pauser Pauser
	// Siblings are the other dynlbs in front of the same instances. Nil: there are none.
	Siblings Siblings
	// Connections returns the counts of the connections to the instances. Nil: they are
	// not counted.
	Connections func() Connections
}

// Pauser has requests wait. It must be safe for concurrent use.
type Pauser interface {
	// Pause has requests wait until Resume. Both report whether that changes anything.
	Pause() bool
	Resume() bool
}

// Scaler changes the number of instances. It must be safe for concurrent use.
type Scaler interface {
	// ScaleTo sets the target to n and returns the old target at once. With
	// hold > 0 only another ScaleTo changes the target for that time; zero ends an
	// earlier hold. The reason is for people. The error is a *notice.BoundsError
	// when n is out of bounds, and registry.ErrClosed during a shutdown.
	ScaleTo(ctx context.Context, n int, hold time.Duration, reason string) (old int, err error)
}

// Restarter replaces the instances by new ones. It must be safe for concurrent
// use.
type Restarter interface {
	// Restart replaces all instances, with at most surge instances beyond the
	// target at a time, and calls progress with the number that have been replaced
	// and the number of all. It returns when all have been replaced, or with the
	// cause that ended the restart early. When ctx ends it returns and the restart
	// continues. The error is fleet.ErrRestarting when a restart is in progress,
	// and registry.ErrClosed during a shutdown.
	Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error
	// Replace has a new instance take the place of one, which then drains. The error is
	// fleet.ErrNoInstance, fleet.ErrNotServing, or wraps registry.ErrClosed.
	Replace(id registry.ID, reason string) error
}

// Deployer puts other versions of the app in force. It must be safe for concurrent use.
type Deployer interface {
	// Deploy puts a version in force, and calls progress with each step. It returns nil
	// when that has all requests. The error is a deploy.VersionError for a version that
	// cannot be deployed, fleet.ErrDeploying or fleet.ErrRestarting, registry.ErrClosed
	// during a shutdown, or why the version has failed. When ctx ends it returns and the
	// deploy continues.
	Deploy(ctx context.Context, o deploy.Order, progress func(deploy.Step)) error
	// Rollback ends the deploy in progress, or deploys the previous version as Deploy does.
	// The error may also be deploy.ErrNoPrevious.
	Rollback(ctx context.Context, reason string, progress func(deploy.Step)) error
}

// directory has the apps of a Server, which others replace.
type directory struct{ now atomic.Pointer[apps] }

// set replaces the apps. They must not be changed afterwards.
func (d *directory) set(list []App) {
	all := apps(list)
	d.now.Store(&all)
}

// all returns the apps.
func (d *directory) all() apps { return *d.now.Load() }

// find returns the app that a request names, as apps.find does.
func (d *directory) find(name string) (*App, error) { return d.all().find(name) }

// has reports whether an app is still one of the apps.
func (d *directory) has(app *App) bool {
	return slices.ContainsFunc(d.all(), func(a App) bool { return a.Board == app.Board })
}

// apps are the apps at one moment, by name; at least one.
type apps []App

// find returns the app that a request names: the only one for "". The error is
// one of the service.
func (a apps) find(name string) (*App, error) {
	if name == "" && len(a) == 1 {
		return &a[0], nil
	}
	for i := range a {
		if a[i].Name == name {
			return &a[i], nil
		}
	}
	if name == "" {
		return nil, status.Errorf(codes.InvalidArgument, "app is missing: there are %s; name one of them", strings.Join(a.names(), ", "))
	}
	return nil, status.Errorf(codes.NotFound, "there is no app %q, only %s", name, strings.Join(a.names(), ", "))
}

// names returns the names of the apps.
func (a apps) names() []string {
	out := make([]string, len(a))
	for i := range a {
		out[i] = a[i].Name
	}
	return out
}

// ListApps returns the names of all apps.
func (c *control) ListApps(context.Context, *dynlbv1.ListAppsRequest) (*dynlbv1.ListAppsResponse, error) {
	return &dynlbv1.ListAppsResponse{Apps: c.apps.all().names()}, nil
}

// SetApps replaces the apps, of which there must be one at least. A watch of an app that
// is not among them ends.
func (s *Server) SetApps(list []App) { s.apps.set(list) }
