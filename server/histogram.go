package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dynlb/dynlb/internal/measure"
)

// The bounds of the classic buckets; each is one of measure.Classic.
var (
	// requestBounds reach from what a proxied hello takes to the default request timeout.
	requestBounds = measure.Classic[:15]
	// bootBounds reach from a small program in Go to a large one in Java.
	bootBounds = measure.Classic[7:17]
	// streamBounds reach from a short answer of events to a day.
	streamBounds = measure.Classic[10:]
)

// histogram is a histogram of seconds, with classic and native buckets, as it was when it
// was read.
type histogram struct {
	desc   *prometheus.Desc
	values measure.Values
	bounds []time.Duration
	labels []*dto.LabelPair
}

// newHistogram returns the histogram with the values. The names and values of the labels
// must be in the order of the names, as the format wants it.
func newHistogram(desc *prometheus.Desc, values measure.Values, bounds []time.Duration, labels ...string) *histogram {
	h := &histogram{desc: desc, values: values, bounds: bounds}
	for i := 0; i+1 < len(labels); i += 2 {
		h.labels = append(h.labels, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	return h
}

// Desc implements prometheus.Metric.
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// Write implements prometheus.Metric.
func (h *histogram) Write(out *dto.Metric) error {
	schema, sum := int32(measure.Schema), h.values.Sum.Seconds()
	zeros, zeroBound := h.values.Zeros()
	threshold := zeroBound.Seconds()
	out.Label = h.labels
	out.Histogram = &dto.Histogram{
		SampleCount: &h.values.Count, SampleSum: &sum, Schema: &schema, ZeroCount: &zeros, ZeroThreshold: &threshold,
	}
	h.writeClassic(out.Histogram)
	h.writeNative(out.Histogram)
	return nil
}

// writeClassic writes the classic buckets, with the last exemplar of each.
func (h *histogram) writeClassic(out *dto.Histogram) {
	exemplars := h.values.Exemplars()
	for _, bound := range h.bounds {
		n, upper := h.values.Within(bound), bound.Seconds()
		bucket := &dto.Bucket{CumulativeCount: &n, UpperBound: &upper}
		for len(exemplars) > 0 && exemplars[0].Value <= bound {
			bucket.Exemplar = exemplarOf(exemplars[0])
			exemplars = exemplars[1:]
		}
		out.Bucket = append(out.Bucket, bucket)
	}
}

// writeNative writes the native buckets: spans of neighbours, and the difference of each
// count from the one before.
func (h *histogram) writeNative(out *dto.Histogram) {
	before, end := int64(0), 0
	for _, b := range h.values.Buckets() {
		offset, length := int32(b.Index-end), uint32(1)
		if last := len(out.PositiveSpan) - 1; last >= 0 && offset == 0 {
			*out.PositiveSpan[last].Length++
		} else {
			out.PositiveSpan = append(out.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: &length})
		}
		out.PositiveDelta = append(out.PositiveDelta, int64(b.Count)-before)
		before, end = int64(b.Count), b.Index+1
	}
	if len(out.PositiveSpan) == 0 { // else an empty histogram is taken for a classic one
		offset, length := int32(0), uint32(0)
		out.PositiveSpan = []*dto.BucketSpan{{Offset: &offset, Length: &length}}
	}
	for _, e := range h.values.Exemplars() {
		out.Exemplars = append(out.Exemplars, exemplarOf(e))
	}
}

// exemplarOf returns an exemplar in the format.
func exemplarOf(e measure.Exemplar) *dto.Exemplar {
	name, value := "trace_id", e.Value.Seconds()
	return &dto.Exemplar{
		Label: []*dto.LabelPair{{Name: &name, Value: &e.TraceID}}, Value: &value, Timestamp: timestamppb.New(e.Time),
	}
}
