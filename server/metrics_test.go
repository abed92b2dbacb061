package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestMetrics(t *testing.T) {
	p := start(t)
	gauges := func(want string) {
		t.Helper()
		if err := testutil.CollectAndCompare(poolCollector{p.board}, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	p.add(t, 5001, registry.Ready)
	p.add(t, 5002)
	p.board.SetTarget(4, p.scaler.bounds, time.Time{}, "up")
	p.board.SetTarget(5, p.scaler.bounds, time.Time{}, "up")
	p.board.SetTarget(3, p.scaler.bounds, time.Time{}, "down")
	p.board.CountRestart()
	lease, err := p.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if err := p.registry.SetUsage(p.registry.Snapshot().Instances[0].ID, registry.Usage{Memory: 1 << 20, CPU: 1500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	p.board.SetReload(errors.New("bad"))
	p.registry.Retry()
	gauges(`
# HELP dynlb_config_last_reload_successful Whether what the configuration says is in force.
# TYPE dynlb_config_last_reload_successful gauge
dynlb_config_last_reload_successful 0
# HELP dynlb_ejected_instances Ready instances that get no requests for a while, because several in a row failed on them.
# TYPE dynlb_ejected_instances gauge
dynlb_ejected_instances 0
# HELP dynlb_instance_cpu_seconds_total Processor time of an instance, user and system, by its port.
# TYPE dynlb_instance_cpu_seconds_total counter
dynlb_instance_cpu_seconds_total{port="5001"} 1.5
# HELP dynlb_instance_memory_bytes Resident memory of an instance, by its port.
# TYPE dynlb_instance_memory_bytes gauge
dynlb_instance_memory_bytes{port="5001"} 1.048576e+06
# HELP dynlb_instance_restarts_total Instances started in place of one that had stopped or failed to start.
# TYPE dynlb_instance_restarts_total counter
dynlb_instance_restarts_total 1
# HELP dynlb_instances Instances by state.
# TYPE dynlb_instances gauge
dynlb_instances{state="draining"} 0
dynlb_instances{state="ready"} 1
dynlb_instances{state="starting"} 1
dynlb_instances{state="unhealthy"} 0
# HELP dynlb_max_instances The upper bound of dynlb_target_instances.
# TYPE dynlb_max_instances gauge
dynlb_max_instances 8
# HELP dynlb_min_instances The lower bound of dynlb_target_instances.
# TYPE dynlb_min_instances gauge
dynlb_min_instances 2
# HELP dynlb_requests_in_flight Requests at instances.
# TYPE dynlb_requests_in_flight gauge
dynlb_requests_in_flight 1
# HELP dynlb_requests_waiting Requests that wait for an instance.
# TYPE dynlb_requests_waiting gauge
dynlb_requests_waiting 0
# HELP dynlb_retries_denied_total Times that a request was not sent once more because the retry budget was used up.
# TYPE dynlb_retries_denied_total counter
dynlb_retries_denied_total 0
# HELP dynlb_retries_total Times that a request was sent once more.
# TYPE dynlb_retries_total counter
dynlb_retries_total 1
# HELP dynlb_scale_decisions_total Changes of dynlb_target_instances by direction.
# TYPE dynlb_scale_decisions_total counter
dynlb_scale_decisions_total{direction="down"} 1
dynlb_scale_decisions_total{direction="up"} 2
# HELP dynlb_target_instances How many instances there should be.
# TYPE dynlb_target_instances gauge
dynlb_target_instances 3
`)
}

func TestMetricsCountWaiting(t *testing.T) {
	r := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: time.Minute})
	board := notice.New(r)
	changed, stop := board.Watch()
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = r.Acquire(ctx, registry.Preference{}) // waits until cancel
	}()
	<-changed
	err := testutil.CollectAndCompare(poolCollector{board}, strings.NewReader(`
# HELP dynlb_requests_waiting Requests that wait for an instance.
# TYPE dynlb_requests_waiting gauge
dynlb_requests_waiting 1
`), "dynlb_requests_waiting")
	if err != nil {
		t.Error(err)
	}
	cancel()
	<-done
}

func TestMetricsCountRequests(t *testing.T) {
	m := NewMetrics(notice.New(registry.New(registry.Options{})))
	for code, n := range map[int]int{200: 3, 404: 1, 999: 1, 0: 1, -1: 1, 99: 1, 1000: 1} {
		for range n {
			m.Request(code, 30*time.Millisecond)
		}
	}
	err := testutil.CollectAndCompare(m.requests, strings.NewReader(`
# HELP dynlb_requests_total Responses to clients by status code; code 0 stands for requests that got none.
# TYPE dynlb_requests_total counter
dynlb_requests_total{code="0"} 4
dynlb_requests_total{code="200"} 3
dynlb_requests_total{code="404"} 1
dynlb_requests_total{code="999"} 1
`))
	if err != nil {
		t.Error(err)
	}
	if allocs := testing.AllocsPerRun(1000, func() { m.Request(http.StatusOK, time.Millisecond) }); allocs != 0 {
		t.Errorf("Request allocates %v times", allocs)
	}
}

func TestMetricsFollowConventions(t *testing.T) {
	board := notice.New(registry.New(registry.Options{}))
	m := NewMetrics(board)
	if err := m.addBuildInfo("v1.2.3"); err != nil {
		t.Fatal(err)
	}
	m.Request(200, time.Millisecond)
	problems, err := testutil.GatherAndLint(m.gatherer)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "dynlb_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

// Every metric that the documentation of Metrics lists is served, with its
// labels.
func TestMetricsAreServed(t *testing.T) {
	p := start(t)
	p.metrics.Request(200, 3*time.Millisecond)
	p.board.SetReload(nil)
	_, body := p.do(t, "GET", "/metrics", "")
	for _, want := range []string{
		`dynlb_requests_total{code="200"} 1`,
		`dynlb_request_duration_seconds_bucket{le="0.005"} 1`,
		`dynlb_request_duration_seconds_sum 0.003`,
		`dynlb_requests_in_flight 0`,
		`dynlb_requests_waiting 0`,
		`dynlb_instances{state="ready"} 0`,
		`dynlb_target_instances 2`,
		`dynlb_retries_total 0`,
		`dynlb_retries_denied_total 0`,
		`dynlb_min_instances 2`,
		`dynlb_max_instances 8`,
		`dynlb_instance_restarts_total 0`,
		`dynlb_scale_decisions_total{direction="up"} 0`,
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

func BenchmarkRequest(b *testing.B) {
	m := NewMetrics(notice.New(registry.New(registry.Options{})))
	b.ReportAllocs()
	for b.Loop() {
		m.Request(200, 3*time.Millisecond)
	}
}
