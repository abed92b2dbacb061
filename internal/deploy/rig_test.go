package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// settings are those of instances of a version.
type settings struct{ version Version }

func (settings) Kind() string                  { return "fake" }
func (settings) New(fleet.Options) fleet.Fleet { return nil }

// versions are those of a config that names one, and has others.
type versions struct{ configured string }

func (v versions) Configured() (label, identity string) { return v.configured, "id of " + v.configured }

func (v versions) Find(name string) (Version, error) {
	switch name {
	case v.configured:
		return Version{}, nil
	case "missing":
		return Version{}, errors.New("there is no version missing")
	default:
		return Version{Label: name}, nil
	}
}

func (v versions) Settings(of Version) (fleet.Settings, error) {
	if of.Label == "gone" {
		return nil, errors.New("its folder is gone")
	}
	return settings{of}, nil
}

// store is a Store in memory.
type store struct {
	mu   sync.Mutex
	docs map[string][]byte
}

func (s *store) Load(name string, v any) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.docs[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(data, v)
}

func (s *store) Save(name string, v any) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[name], err = json.Marshal(v)
	return err
}

// stager is a fleet that a test drives.
type stager struct {
	fleet.Fleet
	mu      sync.Mutex
	staging *fleet.Staging
	runs    Version // of the instances that are not staged
	staged  Version
	part    float64
	asked   bool // Promote was called
}

func (s *stager) Stage(own fleet.Settings, part float64, _ string) (*fleet.Staging, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staging, s.staged, s.part, s.asked = fleet.NewStaging(), own.(settings).version, part, false
	return s.staging, nil
}

func (s *stager) Resize(part float64) { s.part = part }

func (s *stager) Promote(string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
}

func (s *stager) Abandon(err error) { s.end(err) }

// end ends the staging.
func (s *stager) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.staging == nil {
		return
	}
	if err == nil {
		s.runs = s.staged
	}
	s.staging.Done <- err
	s.staging = nil
}

// rig is a deployer over a fleet that the test drives, with an instance of each kind in
// the registry.
type rig struct {
	*Deployer
	t     *testing.T
	fleet *stager
	store *store
	steps []string
}

// withDeployer runs a test in a bubble.
func withDeployer(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, fleet: new(stager), store: &store{docs: map[string][]byte{}}}
		r.restore("v1")
		test(r)
		r.fleet.end(registry.ErrClosed)
		r.Close()
		if _, err := r.begin(Version{Label: "later"}, Order{}, false); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("a deploy begins after Close: %v", err)
		}
	})
}

// restore makes the deployer that a dynlb has which starts with a config.
func (r *rig) restore(configured string) fleet.Settings {
	r.t.Helper()
	kept, own := Restore(r.store, "web", versions{configured}, settings{}, slog.New(slog.DiscardHandler))
	reg := registry.New(registry.Options{})
	for _, staged := range []bool{false, true} {
		if err := reg.Transition(reg.Add(registry.Spec{Staged: staged}), registry.Ready, "test"); err != nil {
			r.t.Fatal(err)
		}
	}
	r.Deployer = New(Options{
		App: "web", Fleet: r.fleet, Registry: reg, Board: notice.New(reg), Log: slog.New(slog.DiscardHandler), Store: r.store,
	}, versions{configured}, kept)
	r.fleet.runs = own.(settings).version
	return own
}

// deploy begins a deploy. The channel gets its result.
func (r *rig) deploy(o Order) <-chan error {
	done := make(chan error, 1)
	go func() { // ends with the deploy
		done <- r.Deploy(context.Background(), o, func(s Step) { r.steps = append(r.steps, s.Text) })
	}()
	synctest.Wait()
	return done
}

// succeed deploys a version without a canary.
func (r *rig) succeed(version string) {
	r.t.Helper()
	done := r.deploy(Order{Version: version})
	r.fleet.end(nil)
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

// ready reports that the staged instances are ready.
func (r *rig) ready() {
	r.fleet.staging.Report(fleet.Progress{Ready: 1, Wanted: 1})
	synctest.Wait()
}

// serve has n requests served, of which every version fails as many as failures tells of
// 100.
func (r *rig) serve(n int, failures map[bool]int) {
	r.t.Helper()
	seen := map[bool]int{}
	now := r.Registry.Snapshot()
	staged := now.Instances[1].ID
	for range n {
		lease, err := r.Registry.Try(registry.Preference{})
		if err != nil {
			r.t.Fatal(err)
		}
		kind := lease.ID() == staged
		status := 200
		seen[kind]++
		if seen[kind]*37%100 < failures[kind] {
			status = 500
		}
		lease.Responded(time.Millisecond, status)
		lease.Release()
	}
}

// kept returns what another dynlb would find.
func (r *rig) kept() string {
	var k record
	if found, err := r.store.Load("deploy-web", &k); err != nil || !found {
		return ""
	}
	previous := "none"
	if k.Previous != nil {
		previous = k.Previous.Label
	}
	return k.Current.Label + " after " + previous
}

var canary = Order{Version: "v2", Canary: 0.1, For: time.Minute, Factor: 2, MinRequests: 50, Reason: "test"}
