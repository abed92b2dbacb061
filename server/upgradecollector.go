package server

import "github.com/prometheus/client_golang/prometheus"

// The metrics of upgrades.
var (
	upgradesDesc = newDesc("counter", "dynlb_upgrades_total", "Upgrades of dynlb by their result: done, failed (nothing has changed), reverted (the new binary has failed later, and the one before serves).", "result")
	upgradedDesc = newDesc("gauge", "dynlb_last_upgrade_successful", "Whether the last upgrade of dynlb was carried out. Absent before the first one.")
	workersDesc  = newDesc("gauge", "dynlb_draining_workers", "Workers of earlier upgrades that finish their requests.")
)

// AddUpgrades adds the metrics of upgrades, which read returns. It must be called once.
func (m *Metrics) AddUpgrades(read func() Upgraded) {
	m.gatherer.MustRegister(upgradeCollector{read}) // cannot fail: no other has the names
}

// upgradeCollector collects the metrics of upgrades.
type upgradeCollector struct{ read func() Upgraded }

// Describe implements prometheus.Collector.
func (c upgradeCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{upgradesDesc, upgradedDesc, workersDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c upgradeCollector) Collect(metrics chan<- prometheus.Metric) {
	u := c.read()
	for _, one := range []struct {
		result string
		n      uint64
	}{{"done", u.Done}, {"failed", u.Failed}, {"reverted", u.Reverted}} {
		metrics <- prometheus.MustNewConstMetric(upgradesDesc, prometheus.CounterValue, float64(one.n), one.result)
	}
	if !u.Last.Time.IsZero() && u.Last.Result != "under way" {
		metrics <- prometheus.MustNewConstMetric(upgradedDesc, prometheus.GaugeValue, flag(u.Last.Result == "done"))
	}
	metrics <- prometheus.MustNewConstMetric(workersDesc, prometheus.GaugeValue, float64(u.Draining))
}
