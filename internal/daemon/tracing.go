package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/tracing"
	"github.com/dynlb/dynlb/proxy/edge"
)

// errTracing is why a reload cannot change where traces go.
var errTracing = errors.New("tracing cannot be turned on or off, or sent elsewhere, while dynlb runs; restart it")

// lastTraces is how long a shutdown waits for the collector to take the last traces.
const lastTraces = 2 * time.Second

// tracingSampler returns what decides which requests are traced, nil if none are.
func tracingSampler(t *config.Tracing) *edge.Sampler {
	if !t.On() {
		return nil
	}
	return edge.NewSampler(t.Sample, t.Forced)
}

// startTracing connects to the collector, if the config has one.
func (d *Daemon) startTracing() error {
	t := &d.plan.config.Tracing
	if !t.On() {
		return nil
	}
	tracer, err := tracing.New(context.Background(), tracing.Settings{Endpoint: t.Endpoint, Version: d.options.Version, Log: d.log})
	if err != nil {
		return ConfigError{err}
	}
	d.tracer = tracer
	d.metrics.CountDroppedTraces(func() float64 { return float64(d.droppedTraces()) })
	d.cleanups.add(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lastTraces)
		defer cancel()
		if err := tracer.Close(ctx); err != nil {
			d.log.Warn("export the last traces", "error", err)
		}
		return nil
	})
	return nil
}

// checkTracing returns why a config cannot be put in force.
func (d *Daemon) checkTracing(next *config.Config) error {
	before := &d.plan.config.Tracing
	if before.On() != next.Tracing.On() || before.Endpoint != next.Tracing.Endpoint {
		return ConfigError{errTracing}
	}
	return nil
}
