package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestCollector(t *testing.T) {
	t.Parallel()
	p := start(t)
	gauges := func(want string) {
		t.Helper()
		if err := testutil.CollectAndCompare(collector{&p.apps}, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	id := p.add(t, 5001, registry.Ready)
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
	lease.Stream()
	if err := p.registry.SetUsage(id, registry.Usage{Memory: 1 << 20, CPU: 1500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	second := p.registry.Snapshot().Instances[1].ID
	if err := p.registry.SetLinesDropped(second, 7); err != nil {
		t.Fatal(err)
	}
	p.board.SetReload(errors.New("bad"))
	p.registry.Retry()
	gauges(strings.NewReplacer("ID2", string(second), "ID", string(id)).Replace(`
# HELP dynlb_config_last_reload_successful Whether the present configuration is in force.
# TYPE dynlb_config_last_reload_successful gauge
dynlb_config_last_reload_successful 0
# HELP dynlb_ejected_instances Ready instances that get no requests for a while because several in a row failed on them.
# TYPE dynlb_ejected_instances gauge
dynlb_ejected_instances{app="default"} 0
# HELP dynlb_instance_cpu_seconds_total Processor time of an instance, user and system.
# TYPE dynlb_instance_cpu_seconds_total counter
dynlb_instance_cpu_seconds_total{app="default",instance_id="ID",port="5001"} 1.5
# HELP dynlb_instance_memory_bytes Resident memory of an instance.
# TYPE dynlb_instance_memory_bytes gauge
dynlb_instance_memory_bytes{app="default",instance_id="ID",port="5001"} 1.048576e+06
# HELP dynlb_instance_restarts_total Instances started in place of one that had stopped or failed to start.
# TYPE dynlb_instance_restarts_total counter
dynlb_instance_restarts_total{app="default"} 1
# HELP dynlb_instance_streams Streams at an instance: upgraded connections and server-sent events.
# TYPE dynlb_instance_streams gauge
dynlb_instance_streams{app="default",instance_id="ID",port="5001"} 1
dynlb_instance_streams{app="default",instance_id="ID2",port="5002"} 0
# HELP dynlb_instances Instances by state.
# TYPE dynlb_instances gauge
dynlb_instances{app="default",state="draining"} 0
dynlb_instances{app="default",state="ready"} 1
dynlb_instances{app="default",state="starting"} 1
dynlb_instances{app="default",state="unhealthy"} 0
# HELP dynlb_log_lines_dropped_total Lines of an instance's output that were not logged because the log was not read fast enough.
# TYPE dynlb_log_lines_dropped_total counter
dynlb_log_lines_dropped_total{app="default",instance_id="ID",port="5001"} 0
dynlb_log_lines_dropped_total{app="default",instance_id="ID2",port="5002"} 7
# HELP dynlb_max_instances The upper bound of dynlb_target_instances.
# TYPE dynlb_max_instances gauge
dynlb_max_instances{app="default"} 8
# HELP dynlb_min_instances The lower bound of dynlb_target_instances.
# TYPE dynlb_min_instances gauge
dynlb_min_instances{app="default"} 2
# HELP dynlb_requests_in_flight Requests at instances.
# TYPE dynlb_requests_in_flight gauge
dynlb_requests_in_flight{app="default"} 1
# HELP dynlb_requests_waiting Requests that wait for an instance.
# TYPE dynlb_requests_waiting gauge
dynlb_requests_waiting{app="default"} 0
# HELP dynlb_retries_denied_total Times that a request was not sent again because the retry budget was used up.
# TYPE dynlb_retries_denied_total counter
dynlb_retries_denied_total{app="default"} 0
# HELP dynlb_retries_total Times that a request was sent again.
# TYPE dynlb_retries_total counter
dynlb_retries_total{app="default"} 1
# HELP dynlb_scale_brake Whether a limit of the machine keeps dynlb_target_instances from rising.
# TYPE dynlb_scale_brake gauge
dynlb_scale_brake{app="default",brake="cpu"} 0
dynlb_scale_brake{app="default",brake="memory"} 0
# HELP dynlb_scale_decisions_total Changes of dynlb_target_instances by direction.
# TYPE dynlb_scale_decisions_total counter
dynlb_scale_decisions_total{app="default",direction="down"} 1
dynlb_scale_decisions_total{app="default",direction="up"} 2
# HELP dynlb_target_instances How many instances there should be.
# TYPE dynlb_target_instances gauge
dynlb_target_instances{app="default"} 3
`))
}

// TestCollectorShowsTheBrake checks that the brake that holds is 1, as the autoscaler
// reports it.
func TestCollectorShowsTheBrake(t *testing.T) {
	t.Parallel()
	a := newApp("default")
	a.board.SetBrake("brakes.cpu: the processors are the limit: 2 instances instead of 4")
	err := testutil.CollectAndCompare(collector{directoryOf(a.app())}, strings.NewReader(`
# HELP dynlb_scale_brake Whether a limit of the machine keeps dynlb_target_instances from rising.
# TYPE dynlb_scale_brake gauge
dynlb_scale_brake{app="default",brake="cpu"} 1
dynlb_scale_brake{app="default",brake="memory"} 0
`), "dynlb_scale_brake")
	if err != nil {
		t.Error(err)
	}
}

func TestCollectorCountsWaiting(t *testing.T) {
	t.Parallel()
	a := newApp("default")
	changed, stop := a.board.Watch()
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = a.registry.Acquire(ctx, registry.Preference{}) // waits until cancel
	}()
	<-changed
	err := testutil.CollectAndCompare(collector{directoryOf(a.app())}, strings.NewReader(`
# HELP dynlb_requests_waiting Requests that wait for an instance.
# TYPE dynlb_requests_waiting gauge
dynlb_requests_waiting{app="default"} 1
`), "dynlb_requests_waiting")
	if err != nil {
		t.Error(err)
	}
	cancel()
	<-done
}

// TestTwoInstancesWithOnePort: the id distinguishes their metrics, and the app those
// of two apps.
func TestTwoInstancesWithOnePort(t *testing.T) {
	t.Parallel()
	one, two := newApp("one"), newApp("two")
	var ids []registry.ID
	for i, a := range []*fakeApp{one, one, two} {
		id := a.add(t, 5001, registry.Ready)
		if err := a.registry.SetUsage(id, registry.Usage{Memory: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	lines := []string{
		fmt.Sprintf(`dynlb_instance_memory_bytes{app="one",instance_id=%q,port="5001"} 1`, ids[0]),
		fmt.Sprintf(`dynlb_instance_memory_bytes{app="one",instance_id=%q,port="5001"} 2`, ids[1]),
		fmt.Sprintf(`dynlb_instance_memory_bytes{app="two",instance_id=%q,port="5001"} 3`, ids[2]),
	}
	slices.Sort(lines)
	err := testutil.CollectAndCompare(collector{directoryOf(one.app(), two.app())}, strings.NewReader(`
# HELP dynlb_instance_memory_bytes Resident memory of an instance.
# TYPE dynlb_instance_memory_bytes gauge
`+strings.Join(lines, "\n")+"\n"), "dynlb_instance_memory_bytes")
	if err != nil {
		t.Error(err)
	}
}

// TestReloadOfTwoApps: the configuration is in force when it is so for each app.
func TestReloadOfTwoApps(t *testing.T) {
	t.Parallel()
	one, two := newApp("one"), newApp("two")
	check := func(want int) {
		t.Helper()
		err := testutil.CollectAndCompare(collector{directoryOf(one.app(), two.app())}, strings.NewReader(fmt.Sprintf(`
# HELP dynlb_config_last_reload_successful Whether the present configuration is in force.
# TYPE dynlb_config_last_reload_successful gauge
dynlb_config_last_reload_successful %d
`, want)), "dynlb_config_last_reload_successful")
		if err != nil {
			t.Error(err)
		}
	}
	one.board.SetReload(nil)
	two.board.SetReload(nil)
	check(1)
	two.board.SetReload(errors.New("bad"))
	check(0)
	one.board.SetReload(errors.New("bad"))
	two.board.SetReload(nil)
	check(0)
}

// directoryOf returns a directory of apps.
func directoryOf(list ...App) *directory {
	d := new(directory)
	d.set(list)
	return d
}

// TestCollectorShowsTheFleet checks the metrics of a fleet that another program runs.
func TestCollectorShowsTheFleet(t *testing.T) {
	t.Parallel()
	a := newApp("default")
	a.board.SetPicture(time.Now().Add(time.Hour), "")
	a.board.SetSteering(notice.Steering{Target: 3, By: "argocd"})
	err := testutil.CollectAndCompare(collector{directoryOf(a.app())}, strings.NewReader(`
# HELP dynlb_fleet_age_seconds How long ago the program that runs the instances last confirmed which ones there are. Absent for instances of this machine.
# TYPE dynlb_fleet_age_seconds gauge
dynlb_fleet_age_seconds{app="default"} 0
# HELP dynlb_scale_steered Whether another process sets dynlb_target_instances: an autoscaler, or another dynlb. Absent for instances of this machine.
# TYPE dynlb_scale_steered gauge
dynlb_scale_steered{app="default"} 1
`), "dynlb_fleet_age_seconds", "dynlb_scale_steered")
	if err != nil {
		t.Error(err)
	}
}
