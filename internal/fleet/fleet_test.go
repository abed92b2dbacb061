package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/fleettest"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestContract tests a second kind of fleet with the contract of all kinds.
func TestContract(t *testing.T) {
	t.Parallel()
	fleettest.Contract(t, fleettest.Kind{Settings: settings{version: 1}, Changed: settings{version: 2}})
}

// settings are those of servers.
type settings struct{ version int }

func (settings) Kind() string { return "servers" }

func (s settings) New(options fleet.Options) fleet.Fleet {
	return &servers{
		Options: options, settings: s,
		calls: make(chan func()), drained: make(chan registry.ID), done: make(chan struct{}),
	}
}

// servers is a fleet of HTTP servers in this process. They are ready at once, and so
// a restart has ended when its call returns.
type servers struct {
	fleet.Options
	fleet.Movable // nil: they end with this process
	calls         chan func()
	drained       chan registry.ID // instances without requests in flight
	done          chan struct{}    // closed when Run has returned

	// Owned by Run:

	settings settings
	target   int
	reason   string
	all      []*server // in start order
	stopping bool
	killed   chan struct{} // closed when no drain is waited for
}

// server is one instance.
type server struct {
	*httptest.Server
	id       registry.ID
	draining bool
}

func (f *servers) Run(ctx context.Context) {
	defer close(f.done)
	f.killed = make(chan struct{})
	quit := ctx.Done()
	for !f.stopping || len(f.all) > 0 {
		select {
		case call := <-f.calls:
			call()
		case id := <-f.Registry.Suspects():
			_ = f.Registry.Transition(id, registry.Ready, "test")
		case id := <-f.drained:
			f.remove(id)
		case <-quit:
			quit = nil
			f.stop()
			f.kill()
		}
		f.reconcile()
	}
}

// active returns the instances that count towards the target.
func (f *servers) active() []*server {
	return slices.DeleteFunc(slices.Clone(f.all), func(s *server) bool { return s.draining })
}

func (f *servers) reconcile() {
	for n := len(f.active()); n < f.target; n++ {
		f.start()
	}
	for n := len(f.active()); n > f.target; n-- {
		state := f.Registry.Snapshot()
		f.drain(state.RemovalOrder()[0].ID)
	}
}

func (f *servers) start() {
	s := &server{Server: httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
	endpoint := registry.Endpoint{Network: "tcp", Address: s.Listener.Addr().String()}
	s.id = f.Registry.Add(registry.Spec{Endpoint: endpoint, Reason: f.reason})
	_ = f.Registry.Transition(s.id, registry.Ready, "test")
	f.all = append(f.all, s)
}

func (f *servers) drain(id registry.ID) {
	drained, err := f.Registry.Drain(id, f.reason)
	if err != nil {
		panic(err) // the instance is active
	}
	f.find(id).draining = true
	go func() { // ends with the drain; Run waits for it
		select {
		case <-drained:
		case <-f.killed:
		}
		f.drained <- id
	}()
}

func (f *servers) find(id registry.ID) *server {
	return f.all[slices.IndexFunc(f.all, func(s *server) bool { return s.id == id })]
}

func (f *servers) remove(id registry.ID) {
	f.find(id).Close()
	f.all = slices.DeleteFunc(f.all, func(s *server) bool { return s.id == id })
	_ = f.Registry.Transition(id, registry.Stopped, "test")
}

// replaceAll starts a new instance for each active one, which it drains then.
func (f *servers) replaceAll(progress func(replaced, total int)) {
	before := f.active()
	progress(0, len(before))
	for i, s := range before {
		f.start()
		f.drain(s.id)
		progress(i+1, len(before))
	}
}

func (f *servers) stop() { f.stopping, f.target, f.reason = true, 0, "test" }

func (f *servers) kill() {
	select {
	case <-f.killed:
	default:
		close(f.killed)
	}
}

// call runs do in Run. It returns false after Stop.
func (f *servers) call(do func()) bool {
	ran, done := false, make(chan struct{})
	select {
	case f.calls <- func() {
		if ran = !f.stopping; ran {
			do()
		}
		close(done)
	}:
		<-done
	case <-f.done:
	}
	return ran
}

var errStopped = fmt.Errorf("test: %w", registry.ErrClosed)

func (f *servers) Scale(n int, reason string) {
	f.call(func() { f.target, f.reason = n, reason })
}

func (f *servers) Restart(ctx context.Context, _ int, reason string, progress func(replaced, total int)) error {
	if !f.call(func() {
		f.reason = reason
		f.replaceAll(progress)
	}) {
		return errStopped
	}
	return ctx.Err()
}

func (f *servers) Configure(next fleet.Settings) <-chan error {
	return fleet.Configure(next, errStopped, func(own settings, done chan error) bool {
		return f.call(func() {
			if own != f.settings {
				f.settings = own
				f.replaceAll(func(int, int) {})
			}
			done <- nil
		})
	})
}

func (*servers) Replace(registry.ID, string) error { return fleet.ErrNoInstance }

func (f *servers) Freeze() {} // its instances end by Stop alone

func (f *servers) Stop(ctx context.Context) {
	f.call(f.stop)
	select {
	case <-f.done:
		return
	case <-ctx.Done():
	}
	select {
	case f.calls <- f.kill:
	case <-f.done:
	}
	<-f.done
}
