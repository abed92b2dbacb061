package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// Certificate is a certificate of the public listener, or a name that has none yet.
type Certificate struct {
	// Name is the first name that it is for.
	Name string
	// Source is where it comes from: "file", "acme" or "internal".
	Source string
	// Expiry is when it expires; zero while there is none.
	Expiry time.Time
	// Error tells what is wrong and how to mend it; "" if nothing is.
	Error string
}

func certificatesOf(list []Certificate) []*dynlbv1.Certificate {
	out := make([]*dynlbv1.Certificate, len(list))
	for i, c := range list {
		out[i] = &dynlbv1.Certificate{Name: text(c.Name), Source: c.Source, ExpireTime: timestamp(c.Expiry), Error: text(c.Error)}
	}
	return out
}

var (
	expiryDesc = newDesc("gauge", "dynlb_certificate_expiry_timestamp_seconds", "When a certificate of the public listener expires; 0 while there is none.", "name", "source")
	wrongDesc  = newDesc("gauge", "dynlb_certificate_error", "1 when a certificate of the public listener was not obtained, renewed or read, or has expired.", "name", "source")
)

// AddCertificates adds the metrics of the certificates that list returns. Call it once.
func (m *Metrics) AddCertificates(list func() []Certificate) {
	m.gatherer.MustRegister(certificateCollector{list}) // cannot fail the first time
}

// certificateCollector collects what is known of certificates.
type certificateCollector struct{ list func() []Certificate }

// Describe implements prometheus.Collector.
func (c certificateCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- expiryDesc
	descs <- wrongDesc
}

// Collect implements prometheus.Collector. Certificates of one name and source, such as
// those of two kinds of keys, are one series: the earlier expiry, and an error of one.
func (c certificateCollector) Collect(metrics chan<- prometheus.Metric) {
	type series struct{ name, source string }
	expiries, wrong := map[series]float64{}, map[series]float64{}
	for _, certificate := range c.list() {
		s := series{text(certificate.Name), certificate.Source}
		expiry := 0.0
		if !certificate.Expiry.IsZero() {
			expiry = float64(certificate.Expiry.Unix())
		}
		if before, ok := expiries[s]; !ok || expiry < before {
			expiries[s] = expiry
		}
		if certificate.Error != "" {
			wrong[s] = 1
		}
	}
	for s, expiry := range expiries {
		metrics <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, expiry, s.name, s.source)
		metrics <- prometheus.MustNewConstMetric(wrongDesc, prometheus.GaugeValue, wrong[s], s.name, s.source)
	}
}
