package fleet_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/fleettest"
	"github.com/dynlb/dynlb/internal/registry"
)

// threads is a second kind of fleet: its instances are servers of this process.
type threads struct {
	fleet.Options
	wake chan struct{} // capacity 1; gets a value when there is something to do
	done chan struct{} // closed when Run has returned

	mu       sync.Mutex // guards all below
	target   int
	stopping bool
	servers  map[registry.ID]*httptest.Server
}

// threadSettings are the settings of threads: it has none.
type threadSettings struct{}

func (threadSettings) Kind() string { return "threads" }

func (threadSettings) New(o fleet.Options) fleet.Fleet { return newThreads(o) }

func newThreads(o fleet.Options) fleet.Fleet {
	return &threads{
		Options: o, wake: make(chan struct{}, 1), done: make(chan struct{}),
		servers: map[registry.ID]*httptest.Server{},
	}
}

func (f *threads) notify() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *threads) Run(ctx context.Context) {
	defer close(f.done)
	for {
		f.mu.Lock()
		target, stopping, n := f.target, f.stopping, len(f.servers)
		f.mu.Unlock()
		switch {
		case stopping && n == 0:
			return
		case n < target:
			f.start()
		case n > target:
			f.end()
		default:
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *threads) start() registry.ID {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	id := f.Registry.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: server.Listener.Addr().String()}})
	f.mu.Lock()
	f.servers[id] = server
	f.mu.Unlock()
	_ = f.Registry.Transition(id, registry.Ready, "test")
	return id
}

// end drains and stops the instance that was started first.
func (f *threads) end() {
	s := f.Registry.Snapshot()
	drained, err := f.Registry.Drain(s.Instances[0].ID, "test")
	if err != nil {
		return
	}
	<-drained
	f.remove(s.Instances[0].ID)
}

func (f *threads) remove(id registry.ID) {
	f.mu.Lock()
	server := f.servers[id]
	delete(f.servers, id)
	f.mu.Unlock()
	server.Close()
	_ = f.Registry.Transition(id, registry.Stopped, "test")
}

func (f *threads) Scale(n int, _ string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.stopping {
		f.target = n
	}
	f.notify()
}

func (f *threads) Restart(_ context.Context, _ int, _ string, progress func(replaced, total int)) error {
	f.mu.Lock()
	total := f.target
	f.mu.Unlock()
	for i := range total {
		id := f.Registry.Snapshot().Instances[0].ID
		f.start()
		drained, err := f.Registry.Drain(id, "test")
		if err != nil {
			return err
		}
		<-drained
		f.remove(id)
		progress(i+1, total)
	}
	return nil
}

func (f *threads) Configure(settings fleet.Settings) <-chan error {
	done := make(chan error, 1)
	if _, ok := settings.(threadSettings); !ok {
		done <- fleet.ErrKind
	} else {
		done <- nil
	}
	return done
}

func (f *threads) Stop(context.Context) {
	f.mu.Lock()
	f.target, f.stopping = 0, true
	f.mu.Unlock()
	f.notify()
	<-f.done
}

type otherSettings struct{}

func (otherSettings) Kind() string { return "other" }

func (otherSettings) New(fleet.Options) fleet.Fleet { return nil }

// TestContract runs a fleet that is no local one through what every fleet promises.
func TestContract(t *testing.T) {
	t.Parallel()
	fleettest.Contract(t, threadSettings{}, otherSettings{})
}
