package server

import (
	"errors"
	"maps"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// durationBuckets are the upper bounds, in seconds, of the histogram of request
// durations: from what a proxied hello takes to the default request timeout.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// maxScrapes is the maximum number of scrapes at a time.
const maxScrapes = 4

// statusCodes is one more than the highest possible status code, which has three
// digits (RFC 9110, 15).
const statusCodes = 1000

// Metrics are the metrics for Prometheus. Create them with NewMetrics; the methods
// are safe for concurrent use.
//
//	dynlb_requests_total{app, code}            responses to clients, by status code
//	dynlb_request_duration_seconds{app}        from a request's header to the end of its response
//	dynlb_request_errors_total{app, source}    failed requests, by the source of the error: client, dynlb, instance
//	dynlb_requests_in_flight{app}              requests at instances
//	dynlb_requests_waiting{app}                requests that wait for an instance
//	dynlb_instances{app, state}                instances, by state
//	dynlb_target_instances{app}                how many there should be
//	dynlb_min_instances{app}                   the lower bound of that
//	dynlb_max_instances{app}                   the upper bound of that
//	dynlb_instance_restarts_total{app}         starts in place of an instance that failed
//	dynlb_ejected_instances{app}               ready ones that get no requests for a while
//	dynlb_retries_total{app}                   times that a request was sent again
//	dynlb_retries_denied_total{app}            times that it was not, because the retry budget was used up
//	dynlb_scale_decisions_total{app, direction}  changes of the target: up, down
//	dynlb_scale_brake{app, brake}                whether it keeps the target from rising: cpu, memory
//	dynlb_instance_memory_bytes{app, instance_id, port}       resident memory of an instance
//	dynlb_instance_cpu_seconds_total{app, instance_id, port}  processor time of an instance
//	dynlb_instance_streams{app, instance_id, port}            upgraded connections and server-sent events at an instance
//	dynlb_log_lines_dropped_total{app, instance_id, port}     lines of its output that were not logged
//	dynlb_access_log_lines_dropped_total       lines of the access log that were not written
//	dynlb_config_last_reload_successful        1 when the present configuration is in force
//	dynlb_config_last_reload_success_timestamp_seconds
//	dynlb_certificate_expiry_timestamp_seconds{name, source}  when a certificate of the public listener expires; 0 while there is none
//	dynlb_certificate_error{name, source}      1 when it was not obtained, renewed or read, or has expired
//	dynlb_build_info{version, go_version}      always 1
//
// and those of client_golang about the Go runtime (go_*) and the process
// (process_*). The app is "" for requests that were refused before their app was
// known: malformed ones, and those for which there is no app.
type Metrics struct {
	gatherer *prometheus.Registry
	requests *prometheus.CounterVec
	errors   *prometheus.CounterVec
	duration *prometheus.HistogramVec
	apps     directory
	byApp    atomic.Pointer[map[string]*requestMetrics] // replaced as a whole, never changed
	noApp    func() *requestMetrics                     // of requests without an app, made at first use
}

// requestMetrics are the metrics of the requests of one app. Each metric is looked
// up by its labels once, as looking it up allocates.
type requestMetrics struct {
	app      string
	byCode   [statusCodes]atomic.Pointer[prometheus.Counter] // made at first use
	bySource map[string]prometheus.Counter
	duration prometheus.Observer
}

// Request is how one request ended, as far as the metrics count it.
type Request struct {
	// App is the name of the request's app; "" when it is not known.
	App string
	// Code is the status code that the client got. A code that is none, such as 0,
	// stands for a request without a response.
	Code int
	// Source is where the error of a failed request came from: "client", "dynlb" or
	// "instance". Any other value, such as "": the request did not fail.
	Source string
	// Duration is the time from the request's header to the end of its response.
	Duration time.Duration
}

// NewMetrics returns the metrics of the apps, of which it reads Name and Board.
func NewMetrics(apps []App) *Metrics {
	m := &Metrics{
		gatherer: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dynlb_requests_total",
			Help: "Requests by the status code that the client got; 499: the client left first.",
		}, []string{"app", "code"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dynlb_request_errors_total",
			Help: "Failed requests by the source of the error: client, dynlb, instance.",
		}, []string{"app", "source"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dynlb_request_duration_seconds",
			Help:    "Time from a request's header to the end of its response.",
			Buckets: durationBuckets,
		}, []string{"app"}),
	}
	m.SetApps(apps)
	m.noApp = sync.OnceValue(func() *requestMetrics { return m.ofApp("") })
	m.gatherer.MustRegister( // cannot fail: their names differ
		m.requests, m.errors, m.duration, collector{&m.apps},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
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
			next[name] = m.ofApp(name)
		}
	}
	m.byApp.Store(&next)
}

// ofApp returns the request metrics of an app.
func (m *Metrics) ofApp(name string) *requestMetrics {
	a := &requestMetrics{app: name, bySource: map[string]prometheus.Counter{}, duration: m.duration.WithLabelValues(name)}
	for _, source := range []string{"client", "dynlb", "instance"} {
		a.bySource[source] = m.errors.WithLabelValues(name, source)
	}
	return a
}

// Record counts one request. It does not allocate.
func (m *Metrics) Record(r Request) {
	a := (*m.byApp.Load())[r.App]
	if a == nil {
		a = m.noApp()
	}
	code := r.Code
	if code < 100 || code >= statusCodes {
		code = 0
	}
	counter := a.byCode[code].Load()
	if counter == nil {
		made := m.requests.WithLabelValues(a.app, strconv.Itoa(code)) // the same one for concurrent callers
		counter = &made
		a.byCode[code].Store(counter)
	}
	(*counter).Inc()
	if failures := a.bySource[r.Source]; failures != nil {
		failures.Inc()
	}
	a.duration.Observe(r.Duration.Seconds())
}

// CountDroppedAccessLines adds the number of lines of the access log that were not
// written, which read returns. It must be called once.
func (m *Metrics) CountDroppedAccessLines(read func() float64) {
	m.gatherer.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{ // cannot fail: no other has the name
		Name: "dynlb_access_log_lines_dropped_total",
		Help: "Lines of the access log that were not written because they were not taken fast enough.",
	}, read))
}

// addBuildInfo adds the version of dynlb and of Go, unless it was added before.
func (m *Metrics) addBuildInfo(version string) error {
	err := m.gatherer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "dynlb_build_info",
		Help:        "The version of dynlb and of Go; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	}, func() float64 { return 1 }))
	if _, again := errors.AsType[prometheus.AlreadyRegisteredError](err); again {
		return nil
	}
	return err
}

// handler serves the metrics.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}
