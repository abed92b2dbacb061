package app

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Set is the apps of a daemon. Apps that were removed are no longer among them, but
// belong to the set until they have ended. Create one with NewSet. Its methods are safe
// for concurrent use.
type Set struct {
	running sync.WaitGroup

	mu      sync.Mutex // guards all below
	apps    map[string]*App
	leaving map[*App]struct{} // removed, and not ended yet
	started bool              // Run has begun
}

// NewSet returns a set of apps that do not run yet.
func NewSet(apps ...*App) *Set {
	s := &Set{apps: map[string]*App{}, leaving: map[*App]struct{}{}}
	for _, a := range apps {
		s.apps[a.Name] = a
	}
	return s
}

// Get returns the app with a name, nil if there is none.
func (s *Set) Get(name string) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[name]
}

// All returns the apps by name.
func (s *Set) All() []*App {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*App, 0, len(s.apps))
	for _, a := range s.apps {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *App) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Run runs the apps until Stop, as [App.Run] does, and those that Add adds.
func (s *Set) Run(ctx context.Context) {
	s.begin(ctx)
	s.running.Wait()
}

// begin runs the apps that were added so far.
func (s *Set) begin(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, a := range s.apps {
		s.running.Go(func() { a.Run(ctx) })
	}
}

// Wait returns when no app of the set runs any more.
func (s *Set) Wait() { s.running.Wait() }

// Add adds an app and runs it, or has Run do so. An app of the set must not have ended yet.
func (s *Set) Add(ctx context.Context, a *App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[a.Name] = a
	if s.started {
		s.running.Go(func() { a.Run(ctx) })
	}
}

// Remove removes an app and does not wait until it has ended. Its requests finish first,
// within the limit; see [App.Retire].
func (s *Set) Remove(ctx context.Context, name string, limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[name]
	delete(s.apps, name)
	if !s.started {
		return // it runs nothing
	}
	s.leaving[a] = struct{}{}
	s.running.Go(func() { // ends within the limit, or with Stop
		a.Retire(ctx, limit)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.leaving, a)
	})
}

// InFlight returns how many requests are at the instances of all apps.
func (s *Set) InFlight() int {
	n := 0
	for _, a := range s.members() {
		n += a.InFlight()
	}
	return n
}

// Freeze keeps the targets of all apps as they are.
func (s *Set) Freeze() { s.Each((*App).Freeze) }

// Close ends the queues and the watches of all apps.
func (s *Set) Close() { s.Each((*App).Close) }

// Stop stops all apps at the same time, within the same ctx.
func (s *Set) Stop(ctx context.Context) { s.Each(func(a *App) { a.Stop(ctx) }) }

// Each calls f for all apps at the same time, those that leave too, and waits.
func (s *Set) Each(f func(*App)) {
	var calls sync.WaitGroup
	for _, a := range s.members() {
		calls.Go(func() { f(a) })
	}
	calls.Wait()
}

// members returns all apps that have not ended.
func (s *Set) members() []*App {
	all := s.All()
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.leaving {
		all = append(all, a)
	}
	return all
}
