package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dynlb/dynlb/internal/registry"
)

// The metrics of an instance beside those in collector.go. They end with the instance.
var (
	answersDesc     = instanceDesc("counter", "dynlb_instance_responses_total", "Responses of an instance by the class of their status.", "class")
	failuresDesc    = instanceDesc("counter", "dynlb_instance_failures_total", "Responses of an instance with a 5xx, and requests that got none because of it.")
	atInstanceDesc  = instanceDesc("gauge", "dynlb_instance_requests_in_flight", "Requests at an instance, without streams.")
	givenDesc       = instanceDesc("counter", "dynlb_instance_requests_total", "Requests that an instance was given.")
	answerTimeDesc  = instanceDesc("histogram", "dynlb_instance_response_duration_seconds", "Time from the end of a request to the head of the response of an instance.")
	instanceLoad    = instanceDesc("gauge", "dynlb_instance_load", "The load of an instance.")
	stateDesc       = instanceDesc("gauge", "dynlb_instance_state", "1 for the state that an instance is in.", "state")
	startedDesc     = instanceDesc("gauge", "dynlb_instance_start_timestamp_seconds", "When an instance was started.")
	streamBytesDesc = instanceDesc("counter", "dynlb_instance_stream_bytes_total", "Bytes that the streams of an instance have carried, in both directions.")
)

// instanceCollector collects what is known of each instance that there is. The series of
// an instance that is gone are not collected, so their number is bounded.
type instanceCollector struct{ apps *directory }

// Describe implements prometheus.Collector.
func (c instanceCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		answersDesc, failuresDesc, atInstanceDesc, givenDesc, answerTimeDesc, instanceLoad, stateDesc, startedDesc, streamBytesDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c instanceCollector) Collect(metrics chan<- prometheus.Metric) {
	all := c.apps.all()
	for i := range all {
		now := all[i].Board.Snapshot()
		s := scrape{app: all[i].Name, metrics: metrics}
		for j := range now.Instances {
			s.instance(&now.Instances[j])
		}
	}
}

// instance sends what is known of one instance.
func (s *scrape) instance(in *registry.Instance) {
	id, port := labelsOf(in)
	for class := 1; class <= 5; class++ {
		if n := in.Served.Class(class); n > 0 || class == 2 || class == 5 {
			s.counter(answersDesc, float64(n), id, port, className(class))
		}
	}
	s.counter(failuresDesc, float64(in.Failures), id, port)
	s.counter(givenDesc, float64(in.Total), id, port)
	s.gauge(atInstanceDesc, float64(in.Working()-in.AtSiblings.InFlight+in.AtSiblings.Streams), id, port)
	s.gauge(instanceLoad, in.Load, id, port)
	s.gauge(stateDesc, 1, id, port, in.State.String())
	s.gauge(startedDesc, float64(in.Started.UnixMilli())/1000, id, port)
	s.counter(streamBytesDesc, float64(in.StreamBytes), id, port)
	s.metrics <- newHistogram(answerTimeDesc, in.Served.Times.Values(), requestBounds, "app", s.app, "instance_id", id, "port", port)
}

// labelsOf returns the labels of an instance.
func labelsOf(in *registry.Instance) (id, port string) {
	if in.Port != 0 { // else it is on a Unix socket
		port = strconv.Itoa(in.Port)
	}
	return string(in.ID), port
}
