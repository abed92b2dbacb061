package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

var (
	inFlightDesc = prometheus.NewDesc("dynlb_requests_in_flight", "Requests at instances.", nil, nil)
	waitingDesc  = prometheus.NewDesc("dynlb_requests_waiting", "Requests that wait for an instance.", nil, nil)
	statesDesc   = prometheus.NewDesc("dynlb_instances", "Instances by state.", []string{"state"}, nil)
	targetDesc   = prometheus.NewDesc("dynlb_target_instances", "How many instances there should be.", nil, nil)
	minDesc      = prometheus.NewDesc("dynlb_min_instances", "The lower bound of dynlb_target_instances.", nil, nil)
	maxDesc      = prometheus.NewDesc("dynlb_max_instances", "The upper bound of dynlb_target_instances.", nil, nil)
	restartsDesc = prometheus.NewDesc("dynlb_instance_restarts_total", "Instances started in place of one that had stopped or failed to start.", nil, nil)
	memoryDesc   = prometheus.NewDesc("dynlb_instance_memory_bytes", "Resident memory of an instance, by its port.", []string{"port"}, nil)
	cpuDesc      = prometheus.NewDesc("dynlb_instance_cpu_seconds_total", "Processor time of an instance, user and system, by its port.", []string{"port"}, nil)
	reloadDesc   = prometheus.NewDesc("dynlb_config_last_reload_successful", "Whether what the configuration says is in force.", nil, nil)
	reloadedDesc = prometheus.NewDesc("dynlb_config_last_reload_success_timestamp_seconds", "When the configuration in force was read.", nil, nil)
	retriesDesc  = prometheus.NewDesc("dynlb_retries_total", "Times that a request was sent once more.", nil, nil)
	deniedDesc   = prometheus.NewDesc("dynlb_retries_denied_total", "Times that a request was not sent once more because the retry budget was used up.", nil, nil)
	ejectedDesc  = prometheus.NewDesc("dynlb_ejected_instances", "Ready instances that get no requests for a while, because several in a row failed on them.", nil, nil)
	scaledDesc   = prometheus.NewDesc("dynlb_scale_decisions_total", "Changes of dynlb_target_instances by direction.", []string{"direction"}, nil)
)

// listedStates are those that an instance in the registry can be in.
var listedStates = []registry.State{registry.Starting, registry.Ready, registry.Unhealthy, registry.Draining}

// poolCollector collects what the board shows, from one snapshot a scrape,
// so that the figures of a scrape belong together.
type poolCollector struct{ board *notice.Board }

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		inFlightDesc, waitingDesc, statesDesc, targetDesc, minDesc, maxDesc, restartsDesc, scaledDesc,
		memoryDesc, cpuDesc, reloadDesc, reloadedDesc, retriesDesc, deniedDesc, ejectedDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.board.Snapshot()
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		send(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(desc *prometheus.Desc, value uint64, labels ...string) {
		send(desc, prometheus.CounterValue, float64(value), labels...)
	}
	inFlight, ejected := 0, 0
	for i := range now.Instances {
		in := &now.Instances[i]
		inFlight += in.InFlight
		if !in.EjectedUntil.IsZero() {
			ejected++
		}
		if !in.Usage.Measured.IsZero() {
			port := strconv.Itoa(in.Port)
			send(memoryDesc, prometheus.GaugeValue, float64(in.Usage.Memory), port)
			send(cpuDesc, prometheus.CounterValue, in.Usage.CPU.Seconds(), port)
		}
	}
	gauge(inFlightDesc, inFlight)
	gauge(ejectedDesc, ejected)
	gauge(waitingDesc, now.Waiting)
	for _, state := range listedStates {
		gauge(statesDesc, now.Count(state), state.String())
	}
	gauge(targetDesc, now.Target)
	gauge(minDesc, now.Bounds.Min)
	gauge(maxDesc, now.Bounds.Max)
	counter(retriesDesc, now.Retries)
	counter(deniedDesc, now.RetriesDenied)
	counter(restartsDesc, now.Restarts)
	counter(scaledDesc, now.Raised, "up")
	counter(scaledDesc, now.Lowered, "down")
	reload := now.Reload
	successful := 0
	if reload.Error == "" {
		successful = 1
	}
	gauge(reloadDesc, successful)
	if !reload.Time.IsZero() {
		send(reloadedDesc, prometheus.GaugeValue, float64(reload.Time.UnixMilli())/1000)
	}
}
