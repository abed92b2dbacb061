package server

import (
	"slices"
	"strconv"
	"strings"
)

// The kinds of counts that Metrics has; see Metrics.Counts.
const (
	requestsCount = "requests" // APP/ORIGIN/CODE
	errorsCount   = "errors"   // APP/SOURCE
	durationCount = "duration" // APP/ and a name of measure.Histogram.Counts
	queuedCount   = "queued"
	streamsCount  = "streams"
)

// Counts calls put with all that Record has counted, by names for Add, so that the metrics of
// another process go on with it.
func (m *Metrics) Counts(put func(name string, n uint64)) {
	for _, a := range *m.byApp.Load() {
		a.counts(put)
	}
	if a := m.noApp.Load(); a != nil {
		a.counts(put)
	}
}

// counts is Counts for one app.
func (a *requestMetrics) counts(put func(name string, n uint64)) {
	name := func(kind, rest string) string { return kind + "/" + a.app + "/" + rest }
	a.each(func(o origin, code int, n uint64) { put(name(requestsCount, o.String()+"/"+strconv.Itoa(code)), n) })
	for i, source := range sources {
		if n := a.errors(i); n > 0 {
			put(name(errorsCount, source), n)
		}
	}
	a.duration.Counts(func(cell string, n uint64) { put(name(durationCount, cell), n) })
	a.queued.Counts(func(cell string, n uint64) { put(name(queuedCount, cell), n) })
	a.streams.Counts(func(cell string, n uint64) { put(name(streamsCount, cell), n) })
}

// Add adds what another process has counted. A name that is not one of Counts, or of an app
// that is not there, is ignored.
func (m *Metrics) Add(name string, n uint64) {
	kind, rest, _ := strings.Cut(name, "/")
	app, rest, _ := strings.Cut(rest, "/")
	a := m.of(app)
	if a == nil {
		return
	}
	switch kind {
	case requestsCount:
		a.addCode(rest, n)
	case errorsCount:
		if i := slices.Index(sources[:], rest); i >= 0 {
			a.shards[0].bySource[i].Add(n)
		}
	case durationCount:
		a.duration.Add(rest, n)
	case queuedCount:
		a.queued.Add(rest, n)
	case streamsCount:
		a.streams.Add(rest, n)
	}
}

// addCode adds to the count of ORIGIN/CODE.
func (a *requestMetrics) addCode(name string, n uint64) {
	from, digits, _ := strings.Cut(name, "/")
	code, err := strconv.Atoi(digits)
	if err != nil || code < 0 || code >= statusCodes {
		return
	}
	for o := range origins {
		if o.String() == from {
			a.shards[0].count(o, code).Add(n)
		}
	}
}
