package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/local"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestMain(m *testing.M) {
	// The goroutine that spawns never ends: its thread is the parent of the children.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

// log is a log that a test reads.
type log struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// settings are those of an app that starts no instance by itself, and whose
// instances cannot start.
func settings(maximum int) Settings {
	own := local.Settings{
		Program:  local.Program{Argv: func(int) []string { return []string{"/missing"} }},
		BasePort: 5001, CheckInterval: time.Second, RequestTimeout: time.Second,
		StartTimeout: time.Second, StopTimeout: time.Second, DrainTimeout: time.Second, HealthTimeout: time.Second,
	}
	return Settings{
		Registry: registry.Options{QueueLimit: 1, QueueTimeout: time.Minute},
		Scaling: autoscaler.Settings{
			Bounds: notice.Bounds{Max: maximum}, Window: time.Hour, Thresholds: autoscaler.Thresholds{Up: 3},
		},
		Fleet: own, Versions: versions{own},
	}
}

// versions are those of an app that has one.
type versions struct{ settings local.Settings }

func (versions) Configured() (label, identity string)              { return "", "" }
func (versions) Find(string) (deploy.Version, error)               { return deploy.Version{}, nil }
func (v versions) Settings(deploy.Version) (fleet.Settings, error) { return v.settings, nil }

// newApp returns an app with settings.
func newApp(name string, log *slog.Logger) *App {
	return New(Options{Name: name, Settings: settings(2), Log: log})
}

// start runs a set of two apps, and returns it with what waits for its end.
func start(t *testing.T, log *slog.Logger) (set *Set, ended <-chan struct{}) {
	t.Helper()
	set = NewSet(newApp("blue", log), newApp("green", log))
	done := make(chan struct{})
	go func() {
		defer close(done)
		set.Run(t.Context())
	}()
	return set, done
}

// TestApps: apps in a set have their own target, queue and report, and end together
// in the steps of a shutdown.
func TestApps(t *testing.T) {
	t.Parallel()
	var text log
	set, ended := start(t, slog.New(slog.NewTextHandler(&text, nil)))
	blue, green := set.Get("blue"), set.Get("green")
	if _, err := blue.Scaler.ScaleTo(t.Context(), 1, 0, "test"); err != nil {
		t.Fatal(err)
	}
	if b, g := blue.Board.Snapshot().Report.Target, green.Board.Snapshot().Report.Target; b != 1 || g != 0 {
		t.Errorf("targets %d and %d, want 1 and 0", b, g)
	}
	if err := <-green.Try(settings(5)); err != nil {
		t.Error(err)
	}
	if _, err := green.Scaler.ScaleTo(t.Context(), 5, 0, "test"); err == nil {
		t.Error("Try applies the new bounds, want them applied by Configure")
	}
	green.Configure(settings(5))
	if _, err := green.Scaler.ScaleTo(t.Context(), 5, 0, "test"); err != nil {
		t.Errorf("scale within the new bounds: %v", err)
	}
	if _, err := blue.Scaler.ScaleTo(t.Context(), 5, 0, "test"); err == nil {
		t.Error("the other app has the new bounds too")
	}

	set.Freeze()
	for _, a := range set.All() {
		if _, err := a.Scaler.ScaleTo(t.Context(), 0, 0, "test"); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("scale %s when frozen: %v", a.Name, err)
		}
	}
	set.Close()
	for _, a := range set.All() {
		if _, err := a.Registry.Acquire(t.Context(), registry.Preference{}); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("request to %s when closed: %v", a.Name, err)
		}
	}
	set.Stop(t.Context())
	<-ended
	for _, name := range []string{"blue", "green"} {
		if want := "msg=scale app=" + name; !strings.Contains(text.String(), want) {
			t.Errorf("the log lacks %q: %s", want, text.String())
		}
	}
}

// TestStopFreezes: Stop alone ends all of an app, without the earlier steps.
func TestStopFreezes(t *testing.T) {
	t.Parallel()
	set, ended := start(t, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	set.Stop(ctx)
	<-ended
	if n := set.InFlight(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
}
