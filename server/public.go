package server

import "github.com/prometheus/client_golang/prometheus"

// The metrics of the public listener.
var (
	clientsDesc    = newDesc("gauge", "dynlb_client_connections", "Open connections of clients.")
	handshakesDesc = newDesc("counter", "dynlb_tls_handshakes_total", "Handshakes of TLS with clients: full, resumed, failed, left (the client ended the connection).", "result")
	http3Desc      = newDesc("gauge", "dynlb_http3_serving", "1 while HTTP/3 is served; 0 while the UDP port is waited for. Only with tls.http3.")
)

// Public is what is counted at the public listener.
type Public struct {
	// Connections is how many connections of clients are open.
	Connections int
	// HTTP3 is "serving", or "waiting" while another process has the UDP port. Empty: there
	// is no HTTP/3.
	HTTP3 string
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
	descs <- http3Desc
}

// Collect implements prometheus.Collector.
func (c publicCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.read()
	metrics <- prometheus.MustNewConstMetric(clientsDesc, prometheus.GaugeValue, float64(now.Connections))
	if now.HTTP3 != "" {
		serving := 0.0
		if now.HTTP3 == "serving" {
			serving = 1
		}
		metrics <- prometheus.MustNewConstMetric(http3Desc, prometheus.GaugeValue, serving)
	}
	for result, n := range now.Handshakes {
		metrics <- prometheus.MustNewConstMetric(handshakesDesc, prometheus.CounterValue, float64(n), result)
	}
}
