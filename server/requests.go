package server

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dynlb/dynlb/internal/measure"
)

// The metrics of requests.
var (
	requestsDesc = appDesc("counter", "dynlb_requests_total", "Requests by the status code that the client got; 499: the client left first.", "code")
	originsDesc  = appDesc("counter", "dynlb_requests_by_origin_total", "Requests by the class of the status and where the response came from.", "class", "origin")
	errorsDesc   = appDesc("counter", "dynlb_request_errors_total", "Failed requests by the source of the error: client, dynlb, instance.", "source")
	durationDesc = appDesc("histogram", "dynlb_request_duration_seconds", "Time from a request's header to the end of its response; without server-sent events.")
	queuedDesc   = appDesc("histogram", "dynlb_request_queue_duration_seconds", "Time that a request waited for an instance; 0 for one that did not wait.")
	streamDesc   = appDesc("histogram", "dynlb_stream_duration_seconds", "Duration of responses of server-sent events.")
)

// statusCodes is one more than the highest possible status code, which has three
// digits (RFC 9110, 15). A class has classCodes of them.
const (
	statusCodes = 1000
	classCodes  = 100
)

// origin tells where a response came from.
type origin uint8

const (
	fromApp origin = iota
	fromDynlb
	fromClient
	origins
)

// String returns the origin as metrics show it.
func (o origin) String() string { return [...]string{"app", "dynlb", "client"}[o] }

// sources are the sources of errors.
var sources = [...]string{"client", "dynlb", "instance"}

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
	// Claimed tells that the request got an instance.
	Claimed bool
	// Stream tells that the response was a stream. One with the code 101 is counted when
	// it opens, any other one when it ends.
	Stream bool
	// Duration is the time from the request's header to the end of its response, and
	// Queued is the part of it in which the request waited for an instance.
	Duration, Queued time.Duration
	// Shard is a number that differs between callers that record at the same time.
	Shard int
	// TraceID is the id of the trace that has the request; "" if there is none.
	TraceID string
}

// origin returns where the response came from.
func (r *Request) origin() origin {
	switch {
	case r.Source == "client":
		return fromClient
	case r.Source == "dynlb", r.Source != "instance" && !r.Claimed:
		return fromDynlb
	default:
		return fromApp
	}
}

// requestMetrics are the metrics of the requests of one app. They are added to by many
// event loops, and added up when they are read.
type requestMetrics struct {
	app      string
	shards   [measure.Shards]requestShard
	duration measure.Histogram
	queued   measure.Histogram // without those that did not wait
	streams  measure.Histogram
}

// requestShard has the counts of one shard. Their memory is made at first use.
type requestShard struct {
	byCode   [origins][statusCodes / classCodes]atomic.Pointer[[classCodes]atomic.Uint64]
	bySource [len(sources)]atomic.Uint64
}

// record counts one request. It allocates nothing after the first request of a kind.
func (a *requestMetrics) record(r *Request) {
	code := r.Code
	if code < classCodes || code >= statusCodes {
		code = 0
	}
	shard := &a.shards[uint(r.Shard)%measure.Shards]
	shard.count(r.origin(), code).Add(1)
	if r.Source != "" {
		for i, source := range sources {
			if r.Source == source {
				shard.bySource[i].Add(1)
			}
		}
	}
	if r.Queued > 0 {
		a.queued.Observe(r.Shard, r.Queued)
	}
	if r.Stream && r.Code != 101 {
		a.streams.Observe(r.Shard, r.Duration)
		return
	}
	a.duration.Observe(r.Shard, r.Duration)
	if r.TraceID != "" {
		a.duration.Exemplify(measure.Exemplar{Value: r.Duration, Time: time.Now(), TraceID: r.TraceID})
	}
}

// count returns the count of a code.
func (s *requestShard) count(o origin, code int) *atomic.Uint64 {
	at := &s.byCode[o][code/classCodes]
	counts := at.Load()
	if counts == nil {
		counts = new([classCodes]atomic.Uint64)
		if !at.CompareAndSwap(nil, counts) {
			counts = at.Load()
		}
	}
	return &counts[code%classCodes]
}

// errors returns how many errors of a source were recorded.
func (a *requestMetrics) errors(source int) (sum uint64) {
	for i := range a.shards {
		sum += a.shards[i].bySource[source].Load()
	}
	return sum
}

// each calls f for each origin and code that was recorded.
func (a *requestMetrics) each(f func(o origin, code int, n uint64)) {
	for o := range origins {
		for class := range statusCodes / classCodes {
			var sums [classCodes]uint64
			for i := range a.shards {
				if counts := a.shards[i].byCode[o][class].Load(); counts != nil {
					for code := range counts {
						sums[code] += counts[code].Load()
					}
				}
			}
			for code, n := range &sums {
				if n > 0 {
					f(o, class*classCodes+code, n)
				}
			}
		}
	}
}

// total returns how many requests were recorded.
func (a *requestMetrics) total() (sum uint64) {
	a.each(func(_ origin, _ int, n uint64) { sum += n })
	return sum
}

// queuedValues returns the times in the queue, with those that did not wait.
func (a *requestMetrics) queuedValues() measure.Values {
	v := a.queued.Values() // before the total, which is never less
	v.Add(a.total() - v.Count)
	return v
}

// collectCodes sends the counts by status code.
func (a *requestMetrics) collectCodes(metrics chan<- prometheus.Metric) {
	var codes [statusCodes]uint64
	a.each(func(_ origin, code int, n uint64) { codes[code] += n })
	for code, n := range &codes {
		if n > 0 {
			metrics <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(n), a.app, strconv.Itoa(code))
		}
	}
}

// collectErrors sends the counts by the source of the error.
func (a *requestMetrics) collectErrors(metrics chan<- prometheus.Metric) {
	for at, source := range sources {
		metrics <- prometheus.MustNewConstMetric(errorsDesc, prometheus.CounterValue, float64(a.errors(at)), a.app, source)
	}
}

// collectRest sends the counts by origin, and the histograms.
func (a *requestMetrics) collectRest(metrics chan<- prometheus.Metric) {
	var classes [origins][statusCodes / classCodes]uint64
	a.each(func(o origin, code int, n uint64) { classes[o][code/classCodes] += n })
	for o := range origins {
		for class, n := range classes[o] {
			// The usual ones are there from the start: a rate needs a value before the first error.
			if usual := class >= 2 && class <= 5 && o == fromApp || class == 5 && o == fromDynlb; n > 0 || usual {
				metrics <- prometheus.MustNewConstMetric(originsDesc, prometheus.CounterValue, float64(n), a.app, className(class), o.String())
			}
		}
	}
	metrics <- newHistogram(durationDesc, a.duration.Values(), requestBounds, "app", a.app)
	metrics <- newHistogram(queuedDesc, a.queuedValues(), requestBounds, "app", a.app)
	metrics <- newHistogram(streamDesc, a.streams.Values(), streamBounds, "app", a.app)
}

// className returns the label of a class of status codes.
func className(class int) string {
	if class == 0 {
		return "none"
	}
	return strconv.Itoa(class) + "xx"
}

// requestCollector collects one kind of the metrics of requests, of all apps.
type requestCollector struct {
	metrics *Metrics
	descs   []*prometheus.Desc
	collect func(*requestMetrics, chan<- prometheus.Metric)
}

// Describe implements prometheus.Collector.
func (c requestCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c requestCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, a := range *c.metrics.byApp.Load() {
		c.collect(a, metrics)
	}
	if a := c.metrics.noApp.Load(); a != nil {
		c.collect(a, metrics)
	}
}
