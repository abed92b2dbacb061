package server

import "github.com/prometheus/client_golang/prometheus"

// The metrics of the public listener.
var (
	clientsDesc    = newDesc("gauge", "dynlb_client_connections", "Open connections of clients.")
	handshakesDesc = newDesc("counter", "dynlb_tls_handshakes_total", "Handshakes of TLS with clients: full, resumed, failed, left (the client ended the connection).", "result")
)

// Public is what is counted at the public listener.
type Public struct {
	// Connections is how many connections of clients are open.
	Connections int
	// Handshakes is how many handshakes of TLS have ended, by result. Nil: there is no TLS.
	Handshakes map[string]uint64
}

// AddPublic adds the metrics of the public listener, which read returns. Call it once.
func (m *Metrics) AddPublic(read func() Public) {
	m.gatherer.MustRegister(publicCollector{read}) // cannot fail the first time
}

// publicCollector collects what is counted at the public listener.
type publicCollector struct{ read func() Public }

// Describe implements prometheus.Collector.
func (c publicCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- clientsDesc
	descs <- handshakesDesc
}

// Collect implements prometheus.Collector.
func (c publicCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.read()
	metrics <- prometheus.MustNewConstMetric(clientsDesc, prometheus.GaugeValue, float64(now.Connections))
	for result, n := range now.Handshakes {
		metrics <- prometheus.MustNewConstMetric(handshakesDesc, prometheus.CounterValue, float64(n), result)
	}
}
