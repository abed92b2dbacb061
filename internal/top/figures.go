package top

import (
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// rateWindow is the time over which rates are averaged, and percentileWindow that of
	// response times, of which a second may have few.
	rateWindow       = 3 * time.Second
	percentileWindow = 10 * time.Second
	// maxSeries is how many seconds a sparkline may show.
	maxSeries = 240
)

// sample are the counters of an app at one moment.
type sample struct {
	at      time.Time
	traffic *dynlbv1.Traffic
	given   map[string]uint64 // requests by instance
}

// sampleOf returns the counters of an app.
func sampleOf(p *dynlbv1.Pool, at time.Time) sample {
	s := sample{at: at, traffic: p.GetTraffic(), given: map[string]uint64{}}
	for _, in := range p.GetInstances() {
		s.given[in.GetId()] = in.GetTotalRequests()
	}
	return s
}

// figures are what an app does, made of its samples and kept over time.
type figures struct {
	samples []sample // one a second, those of percentileWindow

	requests, p95, load, inFlight []float64 // once a second, oldest first
}

// add takes the state of a second.
func (f *figures) add(p *dynlbv1.Pool, now time.Time) {
	s := sampleOf(p, now)
	if n := len(f.samples); n > 0 && total(s.traffic) < total(f.samples[n-1].traffic) {
		f.samples = nil // another process counts from 0
	}
	f.samples = append(f.samples, s)
	for len(f.samples) > 2 && now.Sub(f.samples[1].at) >= percentileWindow {
		f.samples = f.samples[1:]
	}
	_, p95, _ := f.percentiles()
	inFlight := 0.0
	for _, in := range p.GetInstances() {
		inFlight += float64(in.GetInFlight())
	}
	f.requests = appendSeries(f.requests, f.rate(total, time.Second))
	f.p95 = appendSeries(f.p95, p95)
	f.load = appendSeries(f.load, p.GetLoad())
	f.inFlight = appendSeries(f.inFlight, inFlight)
}

// appendSeries appends a value, and drops the oldest one when there are maxSeries.
func appendSeries(series []float64, value float64) []float64 {
	series = append(series, value)
	return series[max(0, len(series)-maxSeries):]
}

// total returns how many requests have ended.
func total(t *dynlbv1.Traffic) float64 {
	return float64(t.GetSuccess() + t.GetRedirect() + t.GetClientError() + t.GetServerError())
}

// window returns the newest sample, and the one that is about a window older.
func (f *figures) window(d time.Duration) (from, to sample, ok bool) {
	if len(f.samples) < 2 {
		return from, to, false
	}
	to = f.samples[len(f.samples)-1]
	from = f.samples[len(f.samples)-2]
	for i := len(f.samples) - 3; i >= 0 && to.at.Sub(f.samples[i].at) <= d; i-- {
		from = f.samples[i]
	}
	return from, to, to.at.After(from.at)
}

// rate returns by how much a counter grows a second.
func (f *figures) rate(counter func(*dynlbv1.Traffic) float64, d time.Duration) float64 {
	from, to, ok := f.window(d)
	if !ok {
		return 0
	}
	return max(0, counter(to.traffic)-counter(from.traffic)) / to.at.Sub(from.at).Seconds()
}

// instanceRate returns how many requests a second an instance is given.
func (f *figures) instanceRate(id string) float64 {
	from, to, ok := f.window(rateWindow)
	if !ok {
		return 0
	}
	before := from.given[id] // 0 for one that was not there
	return max(0, float64(to.given[id])-float64(before)) / to.at.Sub(from.at).Seconds()
}

// percentiles returns within how many milliseconds a half, 95 % and 99 % of the requests
// were answered; 0 without requests.
func (f *figures) percentiles() (p50, p95, p99 float64) {
	from, to, ok := f.window(percentileWindow)
	if !ok {
		return 0, 0, 0
	}
	now, before := to.traffic.GetDurations(), from.traffic.GetDurations()
	counts, all := make([]float64, len(now)), 0.0
	for i, b := range now {
		counts[i] = float64(b.GetCount())
		if i < len(before) {
			counts[i] = max(0, counts[i]-float64(before[i].GetCount()))
		}
		all += counts[i]
	}
	if all == 0 {
		return 0, 0, 0
	}
	of := func(part float64) float64 { return 1000 * quantile(now, counts, part*all) }
	return of(0.5), of(0.95), of(0.99)
}

// quantile returns the seconds within which n of the counted requests were answered,
// interpolated within its bucket.
func quantile(buckets []*dynlbv1.DurationBucket, counts []float64, n float64) float64 {
	lower := 0.0
	for i, count := range counts {
		upper := buckets[i].GetUpperSeconds()
		if upper == 0 { // the last one has no bound
			return lower
		}
		if n <= count && count > 0 {
			return lower + (upper-lower)*n/count
		}
		n -= count
		lower = upper
	}
	return lower
}
