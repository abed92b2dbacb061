package server

import (
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dynlb/dynlb/internal/notice"
)

// durationBuckets are the upper bounds, in seconds, of the histogram of request
// durations: from what a proxied hello takes to the default request timeout.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// maxScrapes is how many scrapes may run at once.
const maxScrapes = 4

// statusCodes is one more than the highest status code there can be: it has
// three digits (RFC 9110, 15).
const statusCodes = 1000

// Metrics are what dynlb tells Prometheus. Create them with NewMetrics; the
// methods are safe for concurrent use.
//
//	dynlb_requests_total{code}              responses to clients, by status code
//	dynlb_request_duration_seconds          from a request's header to the end of its response
//	dynlb_requests_in_flight                requests at instances
//	dynlb_requests_waiting                  requests that wait for an instance
//	dynlb_instances{state}                  instances, by state
//	dynlb_target_instances                  how many there should be
//	dynlb_min_instances                     the lower bound of that
//	dynlb_max_instances                     and the upper one
//	dynlb_instance_restarts_total           starts in place of an instance that failed
//	dynlb_ejected_instances                 ready ones that get no requests for a while
//	dynlb_retries_total                     times that a request was sent once more
//	dynlb_retries_denied_total              times that it was not for want of retry budget
//	dynlb_scale_decisions_total{direction}  changes of the target: up, down
//	dynlb_instance_memory_bytes{port}       resident memory of an instance
//	dynlb_instance_cpu_seconds_total{port}  processor time of an instance
//	dynlb_config_last_reload_successful     1 when what the configuration says is in force
//	dynlb_config_last_reload_success_timestamp_seconds
//	dynlb_build_info{version, go_version}   always 1
//
// and those of client_golang about the Go runtime (go_*) and the process
// (process_*).
type Metrics struct {
	gatherer *prometheus.Registry
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	// byCode has the children of requests, each made when first used: looking
	// one up by its label would allocate.
	byCode [statusCodes]atomic.Pointer[prometheus.Counter]
}

// NewMetrics returns metrics that read all they tell from board, but for the
// requests.
func NewMetrics(board *notice.Board) *Metrics {
	m := &Metrics{
		gatherer: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dynlb_requests_total",
			Help: "Responses to clients by status code; code 0 stands for requests that got none.",
		}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "dynlb_request_duration_seconds",
			Help:    "Time from a request's header to the end of its response.",
			Buckets: durationBuckets,
		}),
	}
	m.gatherer.MustRegister( // cannot fail: their names differ
		m.requests, m.duration, poolCollector{board},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts one request: the status code that the client got, and how long
// it took until the end of the response. A code that is none, such as 0, stands
// for a request that got no response. It does not allocate.
func (m *Metrics) Request(code int, took time.Duration) {
	if code < 100 || code >= statusCodes {
		code = 0
	}
	counter := m.byCode[code].Load()
	if counter == nil {
		made := m.requests.WithLabelValues(strconv.Itoa(code)) // the same for all who get here at once
		counter = &made
		m.byCode[code].Store(counter)
	}
	(*counter).Inc()
	m.duration.Observe(took.Seconds())
}

// addBuildInfo adds what dynlb was built from, unless it is there.
func (m *Metrics) addBuildInfo(version string) error {
	err := m.gatherer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "dynlb_build_info",
		Help:        "What dynlb was built from; always 1.",
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
