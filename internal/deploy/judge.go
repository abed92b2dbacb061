package deploy

import (
	"fmt"
	"math"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// minFailures is how many requests must fail before the rate of failures counts, and
	// minRate is the rate of failures that is always allowed: a first failure, or a few in
	// thousands, are no sign of a worse version.
	minFailures = 5
	minRate     = 0.01
	// minSlower is how much slower a response must be before it counts: what a busy machine
	// adds to a fast one.
	minSlower = 5 * time.Millisecond
	// sure is by how many standard deviations a version must be worse. The judge looks
	// once a second, for minutes: at 4, chance rolls back one good version in
	// several thousand.
	sure = 4
)

// quantiles are the response times that are compared: the usual one, and that of slow
// requests.
var quantiles = []struct {
	name string
	q    float64
}{{"median", 0.5}, {"p95", 0.95}}

// judge compares a version with the present one. It returns why it is worse by more than
// factor, or "" if that is not sure.
//
// Failures are counted against the rate that is allowed: factor times that of the present
// version. For response times no distribution is assumed: of the responses, no more may be
// slower than factor times a quantile of the present version than are beyond that quantile
// there.
func judge(staged, others *registry.Sample, factor float64, minRequests int) (worse string) {
	allowed := max(minRate, factor*float64(others.Failures+1)/float64(others.Requests+2))
	if staged.Failures >= minFailures && exceeds(staged.Failures, staged.Requests, allowed) {
		return fmt.Sprintf("%d of %d requests failed, against %d of %d: more than %v times the rate",
			staged.Failures, staged.Requests, others.Failures, others.Requests, factor)
	}
	if staged.Responses() < uint64(minRequests) || others.Responses() < uint64(minRequests) {
		return ""
	}
	for _, quantile := range quantiles {
		usual := others.Quantile(quantile.q)
		limit := max(time.Duration(factor*float64(usual)), usual+minSlower)
		if exceeds(staged.Slower(limit), staged.Responses(), 1-quantile.q) {
			return fmt.Sprintf("the %s of %d responses is %v, against %v of %d: more than %v times as long",
				quantile.name, staged.Responses(), short(staged.Quantile(quantile.q)), short(usual), others.Responses(), factor)
		}
	}
	return ""
}

// exceeds reports whether k of n is more than a rate p explains.
func exceeds(k, n uint64, p float64) bool {
	if p >= 1 {
		return false
	}
	mean := float64(n) * p
	return float64(k) > mean+sure*math.Sqrt(mean*(1-p))
}

// enough returns why a version cannot be judged, or "".
func enough(staged, others *registry.Sample, minRequests int) (why string) {
	if n := min(staged.Requests, others.Requests); n < uint64(minRequests) {
		return fmt.Sprintf("%d requests to the new version and %d to the other are too few to judge, which takes %d of each: "+
			"give it longer (--for), a larger share (--canary), or a lower minimum (--min-requests)", staged.Requests, others.Requests, minRequests)
	}
	return ""
}

// outlookPart is the part of a canary after which its rate of requests tells how many there
// will be: later ones of a good canary can hardly be ten times as many.
const outlookPart = 0.1

// outlook returns why a version will not be judged if it goes on as in the time so far; ""
// if it will be, or it is too early to tell.
func outlook(staged, others *registry.Sample, o *Order, elapsed time.Duration) (why string) {
	if elapsed < time.Duration(outlookPart*float64(o.For)) || elapsed <= 0 {
		return ""
	}
	rest := float64(o.For) / float64(elapsed)
	expect := [2]uint64{uint64(rest * float64(staged.Requests)), uint64(rest * float64(others.Requests))}
	if min(expect[0], expect[1]) >= uint64(o.MinRequests) {
		return ""
	}
	return fmt.Sprintf("at this rate the new version will have had about %d requests at the end, and the other %d, and a verdict takes %d of each: "+
		"the present version will stay unless more come. 'dynlb rollback' ends it now; then give it longer (--for), a larger share (--canary), or a lower minimum (--min-requests)", expect[0], expect[1], o.MinRequests)
}

// figures returns what requests have shown of a version, for people.
func figures(s *registry.Sample) string {
	return fmt.Sprintf("%d requests, %d failed, median %v, p95 %v",
		s.Requests, s.Failures, short(s.Quantile(0.5)), short(s.Quantile(0.95)))
}

// short rounds a time for people.
func short(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	default:
		return d.Round(100 * time.Microsecond)
	}
}
