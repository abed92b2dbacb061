// Package tracing exports traces of requests by OTLP over HTTP. Which requests are traced
// is decided when they begin (package edge); their spans are made of their outcomes, off
// the data path.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"go.opentelemetry.io/otel/attribute"

	"github.com/dynlb/dynlb/proxy/outcome"
)

const (
	// queueSize is how many requests wait to be exported; further ones are dropped. It is
	// that of OpenTelemetry's own queue, as are batchSize and batchInterval.
	queueSize     = 2048
	batchSize     = 512
	batchInterval = 5 * time.Second
	// complainInterval is the minimum time between two log lines about exports that fail.
	complainInterval = time.Minute
)

// Settings say where traces go.
type Settings struct {
	// Endpoint is the URL of the collector. Empty: what the variables OTEL_EXPORTER_OTLP_*
	// say.
	Endpoint string
	// Version is that of dynlb.
	Version string
	// Log gets a line when exports fail. Required.
	Log *slog.Logger
}

// Tracer exports traces. Create one with New. Its methods are safe for concurrent use.
type Tracer struct {
	log      *slog.Logger
	exporter sdk.SpanExporter
	resource *resource.Resource
	requests chan request
	dropped  atomic.Uint64
	closing  chan struct{}
	close    func()
	running  sync.WaitGroup
	silent   time.Time // until when failed exports are not logged
}

// New returns a Tracer. Call Close when done with it.
func New(ctx context.Context, s Settings) (*Tracer, error) {
	var options []otlptracehttp.Option
	if s.Endpoint != "" {
		endpoint, err := url.Parse(s.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("tracing.endpoint: %w", err)
		}
		if endpoint.Path == "" || endpoint.Path == "/" {
			endpoint.Path = "/v1/traces"
		}
		options = append(options, otlptracehttp.WithEndpointURL(endpoint.String()))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	own := resource.NewSchemaless(attribute.String("service.name", "dynlb"), attribute.String("service.version", s.Version))
	if environment, err := resource.New(ctx, resource.WithFromEnv()); err == nil {
		if merged, err := resource.Merge(own, environment); err == nil {
			own = merged
		}
	}
	t := &Tracer{log: s.Log, exporter: exporter, resource: own, requests: make(chan request, queueSize), closing: make(chan struct{})}
	t.close = sync.OnceFunc(func() { close(t.closing) })
	t.running.Go(t.run) // ends with Close, which waits
	return t, nil
}

// Record exports the trace of a request that is sampled. It does not block: when the
// collector is too slow, the request is dropped.
func (t *Tracer) Record(o *outcome.Outcome) {
	select {
	case t.requests <- newRequest(o, time.Now()):
	default:
		t.dropped.Add(1)
	}
}

// Dropped returns how many requests were not exported.
func (t *Tracer) Dropped() uint64 { return t.dropped.Load() }

// Close exports what waits until ctx ends, and ends the Tracer. Requests that are
// recorded later are dropped.
func (t *Tracer) Close(ctx context.Context) error {
	t.close()
	t.running.Wait()
	var rest []request
	for {
		select {
		case r := <-t.requests:
			rest = append(rest, r)
			continue
		default:
		}
		break
	}
	t.note(rest, t.export(ctx, rest))
	return t.exporter.Shutdown(ctx)
}

// run exports batches until Close.
func (t *Tracer) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t.running.Go(func() { // ends with run
		select {
		case <-t.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	due := time.NewTicker(batchInterval)
	defer due.Stop()
	var batch []request
	for {
		select {
		case r := <-t.requests:
			if batch = append(batch, r); len(batch) < batchSize {
				continue
			}
		case <-due.C:
		case <-t.closing:
			t.giveBack(batch)
			return
		}
		err := t.export(ctx, batch)
		if err != nil && ctx.Err() != nil { // Close is called
			t.giveBack(batch)
			return
		}
		t.note(batch, err)
		batch = batch[:0]
	}
}

// giveBack leaves requests to Close, which has time for them.
func (t *Tracer) giveBack(batch []request) {
	for _, r := range batch {
		select {
		case t.requests <- r:
		default:
			t.dropped.Add(1)
		}
	}
}

// export sends the spans of requests.
func (t *Tracer) export(ctx context.Context, batch []request) error {
	if len(batch) == 0 {
		return nil
	}
	var spans []sdk.ReadOnlySpan
	for i := range batch {
		spans = append(spans, batch[i].spans(t.resource)...)
	}
	return t.exporter.ExportSpans(ctx, spans)
}

// note notes how the export of requests has ended.
func (t *Tracer) note(batch []request, err error) {
	if err == nil {
		return
	}
	t.dropped.Add(uint64(len(batch)))
	if now := time.Now(); now.After(t.silent) {
		t.silent = now.Add(complainInterval)
		t.log.Warn("traces were not exported", "cause", err, "dropped", t.dropped.Load())
	}
}
