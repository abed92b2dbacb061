package server

import (
	"errors"
	"maps"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// maxScrapes is the maximum number of scrapes at a time.
const maxScrapes = 4

// Metrics are the metrics for Prometheus; docs/metrics.md lists them. Create them with
// NewMetrics; the methods are safe for concurrent use. The app is "" for requests that
// were refused before their app was known: malformed ones, and those for which there is
// no app.
type Metrics struct {
	gatherer *prometheus.Registry

	addRuntime func() // adds the metrics of Go and of the process, once

	requests requestCollector // by code
	errors   requestCollector
	apps     directory
	byApp    atomic.Pointer[map[string]*requestMetrics] // replaced as a whole, never changed
	noApp    atomic.Pointer[requestMetrics]             // of requests without an app, made at first use
}

// NewMetrics returns the metrics of the apps, of which it reads Name, Board and
// Connections.
func NewMetrics(apps []App) *Metrics {
	m := &Metrics{gatherer: prometheus.NewRegistry()}
	m.requests = requestCollector{m, []*prometheus.Desc{requestsDesc}, (*requestMetrics).collectCodes}
	m.errors = requestCollector{m, []*prometheus.Desc{errorsDesc}, (*requestMetrics).collectErrors}
	rest := requestCollector{m, []*prometheus.Desc{originsDesc, durationDesc, queuedDesc, streamDesc}, (*requestMetrics).collectRest}
	m.SetApps(apps)
	m.gatherer.MustRegister( // cannot fail: their names differ
		m.requests, m.errors, rest, collector{&m.apps}, scalingCollector{&m.apps}, instanceCollector{&m.apps})
	m.addRuntime = sync.OnceFunc(func() {
		m.gatherer.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	})
	return m
}

// Gather implements prometheus.Gatherer. The metrics of Go and of the process are added by the
// first call: to describe them takes 1.5 ms, which a start of dynlb need not wait for.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) {
	m.addRuntime()
	return m.gatherer.Gather()
}

// SetApps replaces the apps. The request metrics of apps that are not among them stay:
// their last requests may still end.
func (m *Metrics) SetApps(list []App) {
	m.apps.set(list)
	next := map[string]*requestMetrics{}
	if before := m.byApp.Load(); before != nil {
		maps.Copy(next, *before)
	}
	for i := range list {
		if name := list[i].Name; next[name] == nil {
			next[name] = &requestMetrics{app: name}
		}
	}
	m.byApp.Store(&next)
}

// Record counts one request. It allocates nothing after the first request of a kind.
func (m *Metrics) Record(r Request) {
	a := m.of(r.App)
	if a == nil {
		a = m.of("")
	}
	a.record(&r)
}

// of returns the request metrics of an app; nil if there is none of that name. "" stands for
// requests without an app.
func (m *Metrics) of(app string) *requestMetrics {
	if a := (*m.byApp.Load())[app]; a != nil || app != "" {
		return a
	}
	if m.noApp.Load() == nil {
		m.noApp.CompareAndSwap(nil, &requestMetrics{})
	}
	return m.noApp.Load()
}

// CountDroppedAccessLines adds the number of lines of the access log that were not
// written, which read returns. It must be called once.
func (m *Metrics) CountDroppedAccessLines(read func() float64) {
	m.gatherer.MustRegister(prometheus.NewCounterFunc(droppedLinesOpts, read)) // cannot fail: no other has the name
}

// CountDroppedTraces adds the number of requests whose trace was not exported, which read
// returns. It must be called once.
func (m *Metrics) CountDroppedTraces(read func() float64) {
	m.gatherer.MustRegister(prometheus.NewCounterFunc(droppedTracesOpts, read)) // cannot fail: no other has the name
}

// The metrics that client_golang makes.
var (
	droppedTracesOpts = counterOpts("dynlb_traces_dropped_total", "Requests that were sampled and whose trace was not exported because the collector was away or too slow.")
	droppedLinesOpts  = counterOpts("dynlb_access_log_lines_dropped_total", "Lines of the access log that were not written because they were not taken fast enough.")
	buildDesc         = newDesc("gauge", "dynlb_build_info", "The version of dynlb and of Go; always 1.", "go_version", "version")
)

// addBuildInfo adds the version of dynlb and of Go, unless it was added before.
func (m *Metrics) addBuildInfo(version string) error {
	err := m.gatherer.Register(buildInfo{version})
	if _, again := errors.AsType[prometheus.AlreadyRegisteredError](err); again {
		return nil
	}
	return err
}

// handler serves the metrics.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true})
}

// buildInfo collects the version.
type buildInfo struct{ version string }

// Describe implements prometheus.Collector.
func (b buildInfo) Describe(descs chan<- *prometheus.Desc) { descs <- buildDesc }

// Collect implements prometheus.Collector.
func (b buildInfo) Collect(metrics chan<- prometheus.Metric) {
	metrics <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, runtime.Version(), b.version)
}
