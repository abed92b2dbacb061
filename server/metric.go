package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metric describes one metric: docs/metrics.md lists all of them.
type metric struct {
	kind   string // counter, gauge or histogram
	name   string
	labels []string
	help   string
}

// described are the metrics that newDesc was called for.
var described []metric

// newDesc returns the description of a metric, and adds it to the document.
func newDesc(kind, name, help string, labels ...string) *prometheus.Desc {
	described = append(described, metric{kind, name, labels, help})
	return prometheus.NewDesc(name, help, labels, nil)
}

// appDesc is newDesc for a metric of an app, which is its first label.
func appDesc(kind, name, help string, labels ...string) *prometheus.Desc {
	return newDesc(kind, name, help, append([]string{"app"}, labels...)...)
}

// instanceDesc is newDesc for a metric of an instance.
func instanceDesc(kind, name, help string, labels ...string) *prometheus.Desc {
	return appDesc(kind, name, help, append([]string{"instance_id", "port"}, labels...)...)
}

// counterOpts is newDesc for a metric that client_golang makes itself.
func counterOpts(name, help string, labels ...string) prometheus.CounterOpts {
	newDesc("counter", name, help, labels...)
	return prometheus.CounterOpts{Name: name, Help: help}
}

const metricsIntro = `# Metrics

` + "`make generate`" + ` writes this page from the code.

dynlb serves its metrics at ` + "`GET /metrics`" + ` of admin HTTP, in the formats of Prometheus and OpenMetrics. Histograms have
classic buckets, and native ones for a Prometheus that asks for protobuf (` + "`scrape_native_histograms`" + `). Where a request
was traced, the histogram of durations has its trace id as an exemplar, in OpenMetrics and protobuf.

- The label ` + "`app`" + ` is empty for requests that were refused before their app was known: malformed ones, those with the
  method CONNECT or TRACE, and those for which there is no app.
- ` + "`instance_id`" + ` tells instances apart: two of them may have the same port on different addresses. The series of an
  instance end with it, so their number is that of the instances. What must not end is counted by app.
- ` + "`class`" + ` is the first digit of the status: ` + "`2xx`" + `. It is ` + "`none`" + ` for a request without a response.
- ` + "`origin`" + ` says where a response came from: ` + "`app`" + ` from an instance, also when it failed to answer; ` + "`dynlb`" + ` from dynlb
  itself, such as a 503 because the queue is full; ` + "`client`" + ` from an error of the client, or because it left.

There are also the metrics of the Go runtime (` + "`go_*`" + `) and of the process (` + "`process_*`" + `).
[examples/prometheus](../examples/prometheus) has alert rules and a dashboard for Grafana.

| name | kind | labels | |
|---|---|---|---|
`

// MetricsDocument returns the content of docs/metrics.md.
func MetricsDocument() []byte {
	list := slices.Clone(described)
	slices.SortFunc(list, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString(metricsIntro)
	for _, m := range list {
		var labels []string
		for _, label := range m.labels {
			labels = append(labels, "`"+label+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return []byte(b.String())
}
