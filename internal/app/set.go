package app

import (
	"context"
	"sync"
)

// Set is the apps of a daemon by name. It does not change after it was made.
type Set map[string]*App

// Run runs all apps until Stop, as [App.Run] does.
func (s Set) Run(ctx context.Context) { s.each(func(a *App) { a.Run(ctx) }) }

// InFlight returns how many requests are at the instances of all apps.
func (s Set) InFlight() int {
	n := 0
	for _, a := range s {
		n += a.InFlight()
	}
	return n
}

// Freeze keeps the targets of all apps as they are.
func (s Set) Freeze() { s.each((*App).Freeze) }

// Close ends the queues and the watches of all apps.
func (s Set) Close() { s.each((*App).Close) }

// Stop stops all apps at the same time, within the same ctx.
func (s Set) Stop(ctx context.Context) { s.each(func(a *App) { a.Stop(ctx) }) }

// each calls f for all apps at the same time, and waits.
func (s Set) each(f func(*App)) {
	var running sync.WaitGroup
	for _, a := range s {
		running.Go(func() { f(a) })
	}
	running.Wait()
}
