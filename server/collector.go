package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// The metrics of an app. The first label of each is the app.
var (
	inFlightDesc = appDesc("gauge", "dynlb_requests_in_flight", "Requests at instances.")
	waitingDesc  = appDesc("gauge", "dynlb_requests_waiting", "Requests that wait for an instance.")
	statesDesc   = appDesc("gauge", "dynlb_instances", "Instances by state.", "state")
	targetDesc   = appDesc("gauge", "dynlb_target_instances", "How many instances there should be.")
	minDesc      = appDesc("gauge", "dynlb_min_instances", "The lower bound of dynlb_target_instances.")
	maxDesc      = appDesc("gauge", "dynlb_max_instances", "The upper bound of dynlb_target_instances.")
	restartsDesc = appDesc("counter", "dynlb_instance_restarts_total", "Instances started in place of one that had stopped or failed to start.")
	retriesDesc  = appDesc("counter", "dynlb_retries_total", "Times that a request was sent again.")
	deniedDesc   = appDesc("counter", "dynlb_retries_denied_total", "Times that a request was not sent again because the retry budget was used up.")
	ejectedDesc  = appDesc("gauge", "dynlb_ejected_instances", "Ready instances that get no requests for a while because several in a row failed on them.")
	brakeDesc    = appDesc("gauge", "dynlb_scale_brake", "Whether a limit of the machine keeps dynlb_target_instances from rising.", "brake")
	steeredDesc  = appDesc("gauge", "dynlb_scale_steered", "Whether another process sets dynlb_target_instances: an autoscaler, or another dynlb. Absent for instances of this machine.")
	ageDesc      = appDesc("gauge", "dynlb_fleet_age_seconds", "How long ago the program that runs the instances last confirmed which ones there are. Absent for instances of this machine.")
	scaledDesc   = appDesc("counter", "dynlb_scale_decisions_total", "Changes of dynlb_target_instances by direction.", "direction")
)

// The metrics of an instance. Its id tells it from all others; two instances may
// have the same port on different addresses.
var (
	memoryDesc  = instanceDesc("gauge", "dynlb_instance_memory_bytes", "Resident memory of an instance.")
	cpuDesc     = instanceDesc("counter", "dynlb_instance_cpu_seconds_total", "Processor time of an instance, user and system.")
	streamsDesc = instanceDesc("gauge", "dynlb_instance_streams", "Streams at an instance: upgraded connections and server-sent events.")
	linesDesc   = instanceDesc("counter", "dynlb_log_lines_dropped_total", "Lines of an instance's output that were not logged because the log was not read fast enough.")
	versionDesc = instanceDesc("gauge", "dynlb_instance_version_info", "The version of the app that an instance runs, and whether it is being deployed; always 1.", "version", "staged")
	shareDesc   = appDesc("gauge", "dynlb_deploy_share", "The part of the requests that the version gets that is being deployed.", "version")
)

// The metrics of the configuration.
var (
	reloadDesc   = newDesc("gauge", "dynlb_config_last_reload_successful", "Whether the present configuration is in force.")
	reloadedDesc = newDesc("gauge", "dynlb_config_last_reload_success_timestamp_seconds", "When the configuration in force was read.")
)

// listedStates are the states of instances in the registry.
var listedStates = []registry.State{registry.Starting, registry.Ready, registry.Unhealthy, registry.Draining}

// brakes are the keys of brakes in the config, with which notice.Snapshot.Brake begins.
var brakes = []string{"cpu", "memory"}

// collector collects what the notice boards show. It takes one snapshot per app and
// scrape, so the figures of a scrape are consistent.
type collector struct{ apps *directory }

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		inFlightDesc, waitingDesc, statesDesc, targetDesc, minDesc, maxDesc, restartsDesc, scaledDesc, brakeDesc, steeredDesc, ageDesc,
		memoryDesc, cpuDesc, linesDesc, reloadDesc, reloadedDesc, retriesDesc, deniedDesc, ejectedDesc, streamsDesc, versionDesc, shareDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	reload := notice.Reload{}
	all := c.apps.all()
	for i := range all {
		now := all[i].Board.Snapshot()
		s := scrape{app: all[i].Name, metrics: metrics}
		s.instances(&now)
		s.target(&now)
		reload = earlier(reload, now.Reload)
	}
	s := scrape{metrics: metrics}
	s.reload(reload)
}

// earlier returns what is true of both configurations: an error of one, and the
// earlier time.
func earlier(a, b notice.Reload) notice.Reload {
	if a.Error == "" {
		a.Error = b.Error
	}
	if a.Time.IsZero() || !b.Time.IsZero() && b.Time.Before(a.Time) {
		a.Time = b.Time
	}
	return a
}

// scrape sends the metrics of one app.
type scrape struct {
	app     string
	metrics chan<- prometheus.Metric
}

func (s *scrape) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	s.send(desc, prometheus.GaugeValue, value, labels)
}

func (s *scrape) counter(desc *prometheus.Desc, value float64, labels ...string) {
	s.send(desc, prometheus.CounterValue, value, labels)
}

func (s *scrape) send(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels []string) {
	s.metrics <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{s.app}, labels...)...)
}

// instances sends what is about instances and requests.
func (s *scrape) instances(now *notice.Snapshot) {
	inFlight, ejected := 0, 0
	for i := range now.Instances {
		in := &now.Instances[i]
		inFlight += in.InFlight - in.AtSiblings.InFlight
		if !in.EjectedUntil.IsZero() {
			ejected++
		}
		id, port := labelsOf(in)
		s.gauge(streamsDesc, float64(in.Streams-in.AtSiblings.Streams), id, port)
		if in.Version != "" {
			s.gauge(versionDesc, 1, id, port, in.Version, strconv.FormatBool(in.Staged))
		}
		s.counter(linesDesc, float64(in.LinesDropped), id, port)
		if !in.Usage.Measured.IsZero() {
			s.gauge(memoryDesc, float64(in.Usage.Memory), id, port)
			s.counter(cpuDesc, in.Usage.CPU.Seconds(), id, port)
		}
	}
	s.gauge(inFlightDesc, float64(inFlight))
	s.gauge(ejectedDesc, float64(ejected))
	s.gauge(waitingDesc, float64(now.Waiting-now.WaitingAtSiblings))
	for _, state := range listedStates {
		s.gauge(statesDesc, float64(now.Count(state)), state.String())
	}
	s.counter(retriesDesc, float64(now.Retries))
	s.counter(deniedDesc, float64(now.RetriesDenied))
}

// target sends what is about the number of instances.
func (s *scrape) target(now *notice.Snapshot) {
	s.gauge(targetDesc, float64(now.Target))
	s.gauge(minDesc, float64(now.Bounds.Min))
	s.gauge(maxDesc, float64(now.Bounds.Max))
	if d := &now.Deploy; d.Phase != 0 {
		s.gauge(shareDesc, d.Share, d.Version)
	}
	s.counter(restartsDesc, float64(now.Restarts))
	s.counter(scaledDesc, float64(now.Raised), "up")
	s.counter(scaledDesc, float64(now.Lowered), "down")
	for _, brake := range brakes {
		s.gauge(brakeDesc, flag(strings.HasPrefix(now.Brake, "brakes."+brake+":")), brake)
	}
	if confirmed := now.Picture.Confirmed; !confirmed.IsZero() {
		s.gauge(ageDesc, max(0, now.Time.Sub(confirmed).Seconds()))
		s.gauge(steeredDesc, flag(now.Steering.By != ""))
	}
}

// reload sends what became of the configuration, which has no app.
func (s *scrape) reload(reload notice.Reload) {
	s.metrics <- prometheus.MustNewConstMetric(reloadDesc, prometheus.GaugeValue, flag(reload.Error == ""))
	if !reload.Time.IsZero() {
		seconds := float64(reload.Time.UnixMilli()) / float64(time.Second/time.Millisecond)
		s.metrics <- prometheus.MustNewConstMetric(reloadedDesc, prometheus.GaugeValue, seconds)
	}
}
