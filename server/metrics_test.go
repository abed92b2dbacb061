package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsCountRequests(t *testing.T) {
	t.Parallel()
	m := NewMetrics([]App{newApp("one").app(), newApp("two").app()})
	for code, n := range map[int]int{200: 3, 404: 1, 999: 1, 0: 1, -1: 1, 99: 1, 1000: 1} {
		for range n {
			m.Record(Request{App: "one", Code: code, Duration: 30 * time.Millisecond})
		}
	}
	m.Record(Request{App: "two", Code: 200})
	m.Record(Request{App: "two", Code: 502, Source: "instance"})
	m.Record(Request{App: "two", Code: 499, Source: "client"})
	m.Record(Request{Code: 404, Source: "dynlb"})
	m.Record(Request{App: "unknown", Code: 404, Source: "none"})
	err := testutil.CollectAndCompare(m.requests, strings.NewReader(`
# HELP dynlb_requests_total Requests by the status code that the client got; 499: the client left first.
# TYPE dynlb_requests_total counter
dynlb_requests_total{app="",code="404"} 2
dynlb_requests_total{app="one",code="0"} 4
dynlb_requests_total{app="one",code="200"} 3
dynlb_requests_total{app="one",code="404"} 1
dynlb_requests_total{app="one",code="999"} 1
dynlb_requests_total{app="two",code="200"} 1
dynlb_requests_total{app="two",code="499"} 1
dynlb_requests_total{app="two",code="502"} 1
`))
	if err != nil {
		t.Error(err)
	}
	err = testutil.CollectAndCompare(m.errors, strings.NewReader(`
# HELP dynlb_request_errors_total Failed requests by the source of the error: client, dynlb, instance.
# TYPE dynlb_request_errors_total counter
dynlb_request_errors_total{app="",source="client"} 0
dynlb_request_errors_total{app="",source="dynlb"} 1
dynlb_request_errors_total{app="",source="instance"} 0
dynlb_request_errors_total{app="one",source="client"} 0
dynlb_request_errors_total{app="one",source="dynlb"} 0
dynlb_request_errors_total{app="one",source="instance"} 0
dynlb_request_errors_total{app="two",source="client"} 1
dynlb_request_errors_total{app="two",source="dynlb"} 0
dynlb_request_errors_total{app="two",source="instance"} 1
`))
	if err != nil {
		t.Error(err)
	}
}

// TestRecordDoesNotAllocate counts allocations, so it does not run in parallel.
func TestRecordDoesNotAllocate(t *testing.T) {
	m := NewMetrics([]App{newApp("default").app()})
	record := func() {
		m.Record(Request{App: "default", Code: http.StatusBadGateway, Source: "instance", Duration: time.Millisecond})
	}
	if allocs := testing.AllocsPerRun(1000, record); allocs != 0 {
		t.Errorf("Record allocates %v times", allocs)
	}
}

func TestMetricsFollowConventions(t *testing.T) {
	t.Parallel()
	m := NewMetrics([]App{newApp("default").app()})
	if err := m.addBuildInfo("v1.2.3"); err != nil {
		t.Fatal(err)
	}
	m.Record(Request{App: "default", Code: 200, Duration: time.Millisecond})
	problems, err := testutil.GatherAndLint(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "dynlb_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

// TestMetricsAreServed: every metric in the documentation of Metrics is served with
// its labels.
func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.metrics.Record(Request{App: "default", Code: 200, Duration: 3 * time.Millisecond})
	p.board.SetReload(nil)
	_, body := p.do(t, "GET", "/metrics", "")
	for _, want := range []string{
		`dynlb_requests_total{app="default",code="200"} 1`,
		`dynlb_request_duration_seconds_bucket{app="default",le="0.005"} 1`,
		`dynlb_request_duration_seconds_sum{app="default"} 0.003`,
		`dynlb_request_errors_total{app="default",source="instance"} 0`,
		`dynlb_requests_in_flight{app="default"} 0`,
		`dynlb_requests_waiting{app="default"} 0`,
		`dynlb_instances{app="default",state="ready"} 0`,
		`dynlb_target_instances{app="default"} 2`,
		`dynlb_retries_total{app="default"} 0`,
		`dynlb_retries_denied_total{app="default"} 0`,
		`dynlb_min_instances{app="default"} 2`,
		`dynlb_max_instances{app="default"} 8`,
		`dynlb_instance_restarts_total{app="default"} 0`,
		`dynlb_scale_decisions_total{app="default",direction="up"} 0`,
		`dynlb_config_last_reload_successful 1`,
		`dynlb_config_last_reload_success_timestamp_seconds 1`,
		`dynlb_build_info{go_version="go`,
		`version="v1.2.3"} 1`,
		`go_goroutines `,
		`process_start_time_seconds `,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func BenchmarkRecord(b *testing.B) {
	m := NewMetrics([]App{newApp("default").app()})
	b.ReportAllocs()
	for b.Loop() {
		m.Record(Request{App: "default", Code: 200, Duration: 3 * time.Millisecond})
	}
}
