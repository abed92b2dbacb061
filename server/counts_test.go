package server

import (
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// requestFamilies returns what the metrics have of requests.
func requestFamilies(t *testing.T, m *Metrics) (out []*dto.MetricFamily) {
	t.Helper()
	all, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		switch f.GetName() {
		case "dynlb_requests_total", "dynlb_requests_by_origin_total", "dynlb_request_errors_total", "dynlb_request_duration_seconds",
			"dynlb_request_queue_duration_seconds", "dynlb_stream_duration_seconds":
			out = append(out, f)
		}
	}
	return out
}

// TestMetricsGoOn: the metrics of requests of another process begin with what this one has
// counted.
func TestMetricsGoOn(t *testing.T) {
	t.Parallel()
	record := func(m *Metrics, shard int) {
		m.Record(Request{App: "one", Code: 200, Claimed: true, Duration: 30 * time.Millisecond, Shard: shard})
		m.Record(Request{App: "one", Code: 0, Source: "client", Duration: time.Second, Queued: time.Second, Shard: shard})
		m.Record(Request{App: "one", Code: 200, Claimed: true, Stream: true, Duration: time.Hour, Shard: shard})
		m.Record(Request{App: "gone", Code: 404, Source: "dynlb", Shard: shard})
	}
	before, want := NewMetrics([]App{newApp("one").app()}), NewMetrics([]App{newApp("one").app()})
	record(before, 3)
	record(want, 3)
	after := NewMetrics([]App{newApp("one").app()})
	record(after, 5)
	record(want, 5)
	before.Counts(after.Add)
	for _, unknown := range []string{"", "requests", "requests/two/app/200", "requests/one/app/1000", "requests/one/app/x", "requests/one/moon/200", "errors/one/moon", "moon/one/app"} {
		after.Add(unknown, 1)
	}
	got, families := requestFamilies(t, after), requestFamilies(t, want)
	if len(got) != 6 || len(families) != 6 {
		t.Fatalf("%d and %d families", len(got), len(families))
	}
	for i := range families {
		for _, m := range append(got[i].GetMetric(), families[i].GetMetric()...) {
			if h := m.GetHistogram(); h != nil {
				h.CreatedTimestamp = nil
			}
		}
		if !proto.Equal(got[i], families[i]) {
			t.Errorf("got  %v\nwant %v", got[i], families[i])
		}
	}
}
