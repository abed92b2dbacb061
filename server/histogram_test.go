package server

import (
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestHistogramHasBothKinds checks the classic and the native buckets of durations whose
// logarithms are known.
func TestHistogramHasBothKinds(t *testing.T) {
	t.Parallel()
	var counted measure.Histogram
	for _, d := range []time.Duration{0, time.Second, time.Second, 2 * time.Second, 8 * time.Second} {
		counted.Observe(0, d)
	}
	counted.Exemplify(measure.Exemplar{Value: 900 * time.Millisecond, Time: time.Unix(5, 0), TraceID: "old"})
	counted.Exemplify(measure.Exemplar{Value: time.Second, Time: time.Unix(6, 0), TraceID: "4bf9"})
	var out dto.Metric
	if err := newHistogram(durationDesc, counted.Values(), requestBounds, "app", "shop").Write(&out); err != nil {
		t.Fatal(err)
	}
	h := out.GetHistogram()
	if h.GetSampleCount() != 5 || h.GetSampleSum() != 12 || h.GetZeroCount() != 1 || h.GetSchema() != 2 {
		t.Errorf("count %d, sum %v, zeros %d, schema %d; want 5, 12, 1, 2", h.GetSampleCount(), h.GetSampleSum(), h.GetZeroCount(), h.GetSchema())
	}
	for i, want := range map[int]uint64{0: 1, 9: 1, 10: 3, 11: 4, 13: 5, 14: 5} {
		if b := h.GetBucket()[i]; b.GetCumulativeCount() != want {
			t.Errorf("%d up to %v, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	if e := h.GetBucket()[10].GetExemplar(); e.GetLabel()[0].GetValue() != "4bf9" || e.GetTimestamp().GetSeconds() != 6 {
		t.Errorf("exemplar %v, want the last one", e)
	}
	// 1 s is bucket 0, 2 s bucket 4 and 8 s bucket 12.
	spans, deltas := h.GetPositiveSpan(), h.GetPositiveDelta()
	if len(spans) != 3 || spans[0].GetOffset() != 0 || spans[1].GetOffset() != 3 || spans[2].GetOffset() != 7 {
		t.Errorf("spans %v", spans)
	}
	if len(deltas) != 3 || deltas[0] != 2 || deltas[1] != -1 || deltas[2] != 0 {
		t.Errorf("deltas %v, want 2, -1, 0", deltas)
	}
}

// TestRequestsByOrigin checks the origins of responses, that streams do not
// count as requests that took long, and that requests which did not wait are in the
// histogram of waits.
func TestRequestsByOrigin(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, r := range []Request{
		{Code: 200, Claimed: true, Duration: time.Millisecond},
		{Code: 500, Claimed: true, Source: "instance"},
		{Code: 502, Source: "instance"},
		{Code: 503, Source: "dynlb", Queued: 2 * time.Second, Duration: 2 * time.Second},
		{Code: 308, Duration: time.Millisecond},
		{Code: 499, Claimed: true, Source: "client"},
		{Code: 200, Claimed: true, Stream: true, Duration: time.Hour},
		{Code: 101, Claimed: true, Stream: true},
	} {
		r.App, r.Shard = "default", r.Code
		p.metrics.Record(r)
	}
	_, body := p.do(t, "GET", "/metrics", "")
	wantLines(t, body,
		`dynlb_requests_by_origin_total{app="default",class="2xx",origin="app"} 2`,
		`dynlb_requests_by_origin_total{app="default",class="1xx",origin="app"} 1`,
		`dynlb_requests_by_origin_total{app="default",class="3xx",origin="dynlb"} 1`,
		`dynlb_requests_by_origin_total{app="default",class="4xx",origin="client"} 1`,
		`dynlb_requests_by_origin_total{app="default",class="5xx",origin="app"} 2`,
		`dynlb_requests_by_origin_total{app="default",class="5xx",origin="dynlb"} 1`,
		`dynlb_request_duration_seconds_count{app="default"} 7`,
		`dynlb_stream_duration_seconds_sum{app="default"} 3600`,
		`dynlb_request_queue_duration_seconds_count{app="default"} 8`,
		`dynlb_request_queue_duration_seconds_bucket{app="default",le="0.0005"} 7`,
		`dynlb_request_queue_duration_seconds_bucket{app="default",le="2.5"} 8`,
	)
}

// TestOpenMetrics checks that exemplars are served to a client that asks for OpenMetrics.
func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.metrics.Record(Request{App: "default", Code: 200, Duration: 3 * time.Millisecond, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"})
	_, body := p.do(t, "GET", "/metrics", "", "Accept", "application/openmetrics-text; version=1.0.0")
	wantLines(t, body, `dynlb_request_duration_seconds_bucket{app="default",le="0.005"} 1 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.003`, "# EOF")
}

// TestSeriesEndWithTheInstance: an instance that is gone has no series, and what it has
// done stays in those of the app.
func TestSeriesEndWithTheInstance(t *testing.T) {
	t.Parallel()
	p := start(t)
	id := p.add(t, 5001, registry.Ready)
	lease, err := p.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	lease.Stream()
	lease.Carried(100)
	lease.Responded(30*time.Millisecond, 503)
	lease.Release()
	labels := `{app="default",instance_id="` + string(id) + `",port="5001"`
	_, body := p.do(t, "GET", "/metrics", "")
	wantLines(t, body,
		`dynlb_instance_responses_total{app="default",class="5xx",instance_id="`+string(id)+`",port="5001"} 1`,
		`dynlb_instance_failures_total`+labels+`} 1`,
		`dynlb_instance_requests_total`+labels+`} 1`,
		`dynlb_instance_requests_in_flight`+labels+`} 0`,
		`dynlb_instance_stream_bytes_total`+labels+`} 100`,
		`dynlb_instance_response_duration_seconds_bucket`+labels+`,le="0.05"} 1`,
		`dynlb_instance_state`+labels+`,state="ready"} 1`,
		`dynlb_instance_boot_duration_seconds_count{app="default"} 1`,
	)
	if err := p.registry.Transition(id, registry.Stopped, "test"); err != nil {
		t.Fatal(err)
	}
	_, body = p.do(t, "GET", "/metrics", "")
	if strings.Contains(body, string(id)) {
		t.Errorf("the instance is gone, and its series are not:\n%s", body)
	}
	wantLines(t, body, `dynlb_streams_total{app="default"} 1`, `dynlb_streams{app="default"} 0`, `dynlb_instance_boot_duration_seconds_count{app="default"} 1`)
}

// TestScalingMetrics checks the load, its thresholds, and the decisions by rule.
func TestScalingMetrics(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.board.Decide(4, p.scaler.bounds, time.Time{}, "queue", "more")
	p.board.Decide(3, p.scaler.bounds, time.Now(), "window", "less")
	p.board.Decide(5, p.scaler.bounds, time.Now(), "queue", "more")
	p.board.SetLoad(2.5)
	p.board.SetThresholds(thresholds)
	_, body := p.do(t, "GET", "/metrics", "")
	wantLines(t, body,
		`dynlb_load{app="default"} 0`,
		`dynlb_load_per_instance{app="default"} 2.5`,
		`dynlb_scale_threshold{app="default",direction="up"} 3`,
		`dynlb_scale_threshold{app="default",direction="down"} 1`,
		`dynlb_scale_events_total{app="default",direction="up",rule="queue"} 2`,
		`dynlb_scale_events_total{app="default",direction="down",rule="window"} 1`,
		`dynlb_scale_last_decision_timestamp_seconds{app="default",rule="queue"} 1`,
		`dynlb_scale_hold{app="default"} 1`,
		`dynlb_paused{app="default"} 0`,
	)
}

// wantLines checks that the lines of metrics begin with each of the texts.
func wantLines(t *testing.T, body string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains("\n"+body, "\n"+line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}
