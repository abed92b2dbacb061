package daemon

import (
	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Simulated returns the part of the settings that decides how an app follows its load,
// which a simulation needs too: how requests are queued, and how the number of instances
// follows the load.
func Simulated(settings *config.App) (registry.Options, autoscaler.Settings) {
	queueing := registry.Options{
		MaxConcurrency: concurrency(settings.MaxConcurrency),
		QueueLimit:     settings.Queue.Limit,
		QueueTimeout:   settings.Queue.Timeout,
		SlowStart:      settings.SlowStart,
	}
	brakes := autoscaler.Brakes{Memory: settings.Brakes.Memory, Processors: settings.Brakes.CPU}
	if settings.OnKubernetes() {
		queueing.Remote, brakes = true, autoscaler.Brakes{} // the instances have other machines
	}
	return queueing, autoscaler.Settings{
		Bounds:     notice.Bounds{Min: settings.MinInstances, Max: settings.MaxInstances},
		Thresholds: autoscaler.Thresholds{Up: settings.ScaleUpThreshold, Down: settings.ScaleDownThreshold},
		Schedule:   settings.Schedule,
		Spare:      settings.SpareInstances,
		Brakes:     brakes,
		Idle:       settings.IdleTimeout,
		Window:     settings.CheckInterval,
	}
}

// concurrency returns the key maxConcurrency as the registry takes it.
func concurrency(n int) int {
	if n == config.Auto {
		return registry.AutoConcurrency
	}
	return n
}
