package server

import (
	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/measure"
)

// traffic returns what the metrics have counted of an app. It takes some
// microseconds, and no request waits for it.
func (m *Metrics) traffic(app string) *dynlbv1.Traffic {
	a := (*m.byApp.Load())[app]
	if a == nil {
		return nil
	}
	out := &dynlbv1.Traffic{}
	a.each(func(_ origin, code int, n uint64) {
		if class := classOf(out, code); class != nil {
			*class += n
		}
	})
	values := a.duration.Values()
	out.Durations = durationsOf(&values)
	return out
}

// classOf returns the count of t that a status code belongs to; nil for none.
func classOf(t *dynlbv1.Traffic, code int) *uint64 {
	switch {
	case code == 101, code >= 200 && code < 300:
		return &t.Success
	case code >= 300 && code < 400:
		return &t.Redirect
	case code >= 400 && code < 500:
		return &t.ClientError
	case code >= 500 && code < 600:
		return &t.ServerError
	default:
		return nil
	}
}

// durationsOf returns the buckets of durations, each with its own count.
func durationsOf(values *measure.Values) []*dynlbv1.DurationBucket {
	var out []*dynlbv1.DurationBucket
	var below uint64
	for _, bound := range requestBounds {
		count := values.Within(bound)
		out = append(out, &dynlbv1.DurationBucket{UpperSeconds: bound.Seconds(), Count: count - below})
		below = count
	}
	return append(out, &dynlbv1.DurationBucket{Count: values.Count - below})
}
