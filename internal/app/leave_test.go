package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/kube"
)

// TestLeave: an app of any kind of fleet ends when it leaves, with what it has in flight.
func TestLeave(t *testing.T) {
	t.Parallel()
	pods := settings(2)
	pods.Fleet = kube.Settings{CheckInterval: time.Second, HealthTimeout: time.Second}
	log := slog.New(slog.DiscardHandler)
	set := NewSet(newApp("local", log), New(Options{Name: "kubernetes", Settings: pods, Log: log}))
	go set.Run(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		set.Each(func(a *App) { a.Leave(1) })
		set.Wait()
	}()
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("an app runs on")
	}
}
