package server

import (
	"github.com/prometheus/client_golang/prometheus"

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
	scaledDesc   = prometheus.NewDesc("dynlb_scale_decisions_total", "Changes of dynlb_target_instances by direction.", []string{"direction"}, nil)
)

// listedStates are those that an instance in the registry can be in.
var listedStates = []registry.State{registry.Starting, registry.Ready, registry.Unhealthy, registry.Draining}

// poolCollector collects what the registry knows, from one snapshot a scrape,
// so that the figures of a scrape belong together.
type poolCollector struct{ registry *registry.Registry }

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		inFlightDesc, waitingDesc, statesDesc, targetDesc, minDesc, maxDesc, restartsDesc, scaledDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.registry.Snapshot()
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(desc *prometheus.Desc, value uint64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	inFlight := 0
	for i := range now.Instances {
		inFlight += now.Instances[i].InFlight
	}
	gauge(inFlightDesc, inFlight)
	gauge(waitingDesc, now.Waiting)
	for _, state := range listedStates {
		gauge(statesDesc, now.Count(state), state.String())
	}
	gauge(targetDesc, now.Fleet.Target)
	gauge(minDesc, now.Fleet.Bounds.Min)
	gauge(maxDesc, now.Fleet.Bounds.Max)
	counter(restartsDesc, now.Fleet.Restarts)
	counter(scaledDesc, now.Fleet.Raised, "up")
	counter(scaledDesc, now.Fleet.Lowered, "down")
}
