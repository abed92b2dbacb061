package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// The metrics of the load and what was decided on it.
var (
	loadDesc      = appDesc("gauge", "dynlb_load", "The load of the instances and of the requests that wait, at this moment.")
	averageDesc   = appDesc("gauge", "dynlb_load_per_instance", "The average load per instance over the last window, which the thresholds are compared with.")
	thresholdDesc = appDesc("gauge", "dynlb_scale_threshold", "The thresholds of dynlb_load_per_instance: up, down.", "direction")
	rulesDesc     = appDesc("counter", "dynlb_scale_events_total", "Changes of dynlb_target_instances by direction and by the rule that decided.", "direction", "rule")
	decisionDesc  = appDesc("gauge", "dynlb_scale_last_decision_timestamp_seconds", "When dynlb_target_instances last changed, and the rule that decided.", "rule")
	holdDesc      = appDesc("gauge", "dynlb_scale_hold", "1 while an order holds dynlb_target_instances.")
	pausedDesc    = appDesc("gauge", "dynlb_paused", "1 while requests wait because of a pause.")
	bootDesc      = appDesc("histogram", "dynlb_instance_boot_duration_seconds", "Time from the start of an instance to when it first was ready.")
	waitDesc      = appDesc("gauge", "dynlb_request_longest_wait_seconds", "How long the request that waits the longest has waited for an instance.")
	openDesc      = appDesc("gauge", "dynlb_streams", "Streams at instances: upgraded connections and server-sent events.")
	begunDesc     = appDesc("counter", "dynlb_streams_total", "Streams that have begun.")
	connsDesc     = appDesc("counter", "dynlb_instance_connections_total", "Connections to instances: opened for a request, reused, broken (ended before the head of a response), ended (idle, and closed by the instance).", "event")
)

// scalingCollector collects the load, what was decided on it, and what came of it.
type scalingCollector struct{ apps *directory }

// Describe implements prometheus.Collector.
func (c scalingCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		loadDesc, averageDesc, thresholdDesc, rulesDesc, decisionDesc, holdDesc, pausedDesc, bootDesc, waitDesc, openDesc, begunDesc, connsDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c scalingCollector) Collect(metrics chan<- prometheus.Metric) {
	all := c.apps.all()
	for i := range all {
		now := all[i].Board.Snapshot()
		s := scrape{app: all[i].Name, metrics: metrics}
		s.load(&now)
		s.decisions(&now)
		s.traffic(&now)
		if read := all[i].Connections; read != nil {
			s.connections(read())
		}
	}
}

// load sends the load and its thresholds.
func (s *scrape) load(now *notice.Snapshot) {
	load := float64(now.Waiting)
	for i := range now.Instances {
		if in := &now.Instances[i]; in.State != registry.Draining { // as the autoscaler counts
			load += in.Load
		}
	}
	s.gauge(loadDesc, load)
	s.gauge(averageDesc, now.LoadPerInstance)
	if now.Thresholds.Up > 0 {
		s.gauge(thresholdDesc, now.Thresholds.Up, "up")
		s.gauge(thresholdDesc, now.Thresholds.Down, "down")
	}
}

// decisions sends what was decided on the target.
func (s *scrape) decisions(now *notice.Snapshot) {
	for _, r := range now.Rules {
		rule := r.Rule
		if rule == "" {
			rule = "other"
		}
		s.counter(rulesDesc, float64(r.Raised), "up", rule)
		s.counter(rulesDesc, float64(r.Lowered), "down", rule)
	}
	if last := now.LastDecision; !last.Time.IsZero() {
		s.gauge(decisionDesc, float64(last.Time.UnixMilli())/1000, last.Rule)
	}
	s.gauge(holdDesc, flag(!now.HoldUntil.IsZero()))
	s.gauge(pausedDesc, flag(now.Paused))
}

// traffic sends what is about streams, waits and starts.
func (s *scrape) traffic(now *notice.Snapshot) {
	streams := 0
	for i := range now.Instances {
		streams += now.Instances[i].Streams - now.Instances[i].AtSiblings.Streams
	}
	s.gauge(openDesc, float64(streams))
	s.counter(begunDesc, float64(now.StreamsBegun))
	s.gauge(waitDesc, now.LongestWait.Seconds())
	s.metrics <- newHistogram(bootDesc, now.BootTimes.Values(), bootBounds, "app", s.app)
}

// Connections counts the connections to the instances of an app; see
// dynlb_instance_connections_total.
type Connections struct{ Opened, Reused, Broken, Ended uint64 }

func (s *scrape) connections(c Connections) {
	s.counter(connsDesc, float64(c.Opened), "opened")
	s.counter(connsDesc, float64(c.Reused), "reused")
	s.counter(connsDesc, float64(c.Broken), "broken")
	s.counter(connsDesc, float64(c.Ended), "ended")
}

// flag returns 1 for true.
func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
