package daemon

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

const (
	// savedVersion is the version of the format of saved. A worker ignores what has
	// another one: fields that are added do not change it.
	savedVersion = 1
	// saveInterval is how old the state is at most that the next worker goes on with when
	// this one dies. To save takes about 0.2 ms for an instance.
	saveInterval = time.Second
)

// saved is what a worker leaves to the next one. All of its fields are optional.
type saved struct {
	Version int                  `json:"version"`
	Process int                  `json:"process,omitempty"` // the worker
	Apps    map[string]app.Saved `json:"apps,omitempty"`
	// Documents are those of the state folder that this dynlb does not have.
	Documents map[string]json.RawMessage `json:"documents,omitempty"`
	// Counts are those of the metrics, and Late is what of them workers have counted since
	// they froze, by pid.
	Counts measure.Counts         `json:"counts,omitempty"`
	Late   map[int]measure.Counts `json:"late,omitempty"`
	// ResetKey is by what clients of HTTP/3 learn that the worker is gone that had their
	// connections.
	ResetKey []byte `json:"resetKey,omitempty"`
	// SessionKey is by what workers agree on the instance of a session; see sticky.Settings.
	SessionKey []byte `json:"sessionKey,omitempty"`
	// Conduct is what the proxy has learned of the instances.
	Conduct map[registry.ID]policy.SavedTidiness `json:"conduct,omitempty"`
}

// readSaved returns what another worker has saved; nil if there is nothing of use.
func readSaved(text []byte) (*saved, error) {
	if len(text) == 0 {
		return nil, nil
	}
	s := new(saved)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if s.Version != savedVersion {
		return nil, errors.New("it is of another version")
	}
	return s, nil
}

// key returns a key of the worker before, which field has, or a new one.
func (s *saved) key(field func(*saved) []byte) (key [32]byte) {
	if s == nil || copy(key[:], field(s)) < len(key) {
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	}
	return key
}

// save returns the state of all apps, each as f returns it. last says that it is the last
// time.
func (d *Daemon) save(f func(a *app.App, process int) app.Saved, last bool) []byte {
	s := saved{Version: savedVersion, Process: os.Getpid(), Apps: map[string]app.Saved{}, Documents: d.documents.all(), ResetKey: d.resetKey[:], SessionKey: d.host.sessionKey[:]}
	var mu sync.Mutex
	d.apps.Each(func(a *app.App) {
		one := f(a, s.Process)
		mu.Lock()
		defer mu.Unlock()
		if d.apps.Get(a.Name) == a { // else it was removed, and ends
			s.Apps[a.Name] = one
		}
	})
	s.Counts, s.Late = d.saveCounts(last)
	s.Conduct = d.saveConduct()
	text, err := json.Marshal(s) //nolint:gosec // the keeper has it, and the next worker is to have the key
	if err != nil {              // of plain values
		d.log.Error("state for the next worker not saved", "error", err)
	}
	return text
}

// restoreSaved has the apps go on with what another worker has saved. Without it, the instances
// of the keeper are probed as new ones.
func (d *Daemon) restoreSaved() {
	s := d.options.saved
	if s == nil {
		return
	}
	gone := errors.Is(syscall.Kill(s.Process, 0), syscall.ESRCH)
	for _, a := range d.apps.All() {
		one, ok := s.Apps[a.Name]
		if !ok {
			continue
		}
		if err := a.Restore(one, gone); err != nil {
			a.Log.Error("state of the worker before is of no use", "error", err)
		}
	}
}

// resume has the metrics and the proxy go on with what another worker has saved.
func (d *Daemon) resume() {
	d.countUpgrades()
	if s := d.options.saved; s != nil {
		d.addCounts(s.Counts)
		d.counters.late = s.Late
		d.restoreConduct(s.Conduct)
	}
}

// saveConduct returns what the proxy has learned of the instances that serve.
func (d *Daemon) saveConduct() map[registry.ID]policy.SavedTidiness {
	all := map[registry.ID]policy.SavedTidiness{}
	d.eachServing(func(id registry.ID, t *policy.Tidiness) { all[id] = t.Save() })
	return all
}

// restoreConduct goes on with what another worker has learned.
func (d *Daemon) restoreConduct(all map[registry.ID]policy.SavedTidiness) {
	d.eachServing(func(id registry.ID, t *policy.Tidiness) {
		if s, ok := all[id]; ok {
			t.Restore(s)
		}
	})
}

// eachServing calls f for each instance that may get requests.
func (d *Daemon) eachServing(f func(registry.ID, *policy.Tidiness)) {
	for _, a := range d.apps.All() {
		now := a.Registry.Snapshot()
		for i := range now.Instances {
			if in := &now.Instances[i]; in.State.Routable() {
				f(in.ID, d.proxy.Conduct().Of(in.Endpoint))
			}
		}
	}
}

// documents is a deploy.Store in memory, for a dynlb without a state folder: the next
// worker gets it.
type documents struct {
	mu   sync.Mutex
	kept map[string]json.RawMessage
}

// newDocuments returns those that another worker has saved, if it has.
func newDocuments(s *saved) *documents {
	if s == nil {
		return new(documents)
	}
	return &documents{kept: s.Documents}
}

// Load implements deploy.Store.
func (s *documents) Load(name string, v any) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.kept[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(text, v)
}

// Save implements deploy.Store.
func (s *documents) Save(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]json.RawMessage{}
	}
	s.kept[name] = text
	return nil
}

// all returns the documents. Nil: there are none.
func (s *documents) all() map[string]json.RawMessage {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.kept)
}
