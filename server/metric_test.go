package server

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

var thresholds = notice.Thresholds{Up: 3, Down: 1}

// TestMetricsDocument checks that docs/metrics.md is what the code says.
func TestMetricsDocument(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, MetricsDocument()) {
		t.Error("docs/metrics.md is out of date: run make generate")
	}
}

// TestMetricsAreDocumented checks that each metric which is served is in the document with
// its kind and labels, and that each in the document is served.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	a := newApp("default")
	app := a.app()
	app.Connections = func() Connections { return Connections{Opened: 1} }
	m := NewMetrics([]App{app})
	m.CountDroppedAccessLines(func() float64 { return 1 })
	m.CountDroppedTraces(func() float64 { return 1 })
	m.AddCertificates(func() []Certificate { return []Certificate{{Name: "a.example"}} })
	m.AddUpgrades(func() Upgraded { return Upgraded{Last: LastUpgrade{Time: time.Now(), Result: "done"}} })
	m.AddPublic(func() Public { return Public{Handshakes: map[string]uint64{"full": 1}, HTTP3: "serving"} })
	if err := m.addBuildInfo("v1"); err != nil {
		t.Fatal(err)
	}
	m.Record(Request{App: "default", Code: 200})
	id := a.add(t, 5001, registry.Ready)
	if err := a.registry.SetUsage(id, registry.Usage{Memory: 1}); err != nil {
		t.Fatal(err)
	}
	a.board.SetReload(nil)
	a.board.Decide(3, a.scaler.bounds, time.Time{}, "order", "test")
	a.board.Decide(4, a.scaler.bounds, time.Time{}, "order", "test")
	a.board.SetPicture(time.Now(), "")
	a.board.SetThresholds(thresholds)
	a.registry.Add(registry.Spec{Version: "v2", Staged: true})
	a.board.SetDeploy(notice.Deploy{Version: "v2", Phase: uint8(deploy.Canary), Share: 0.1})
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]metric{}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "dynlb_") {
			served[name] = metric{kind: kindOf(f), name: name, labels: labelNames(f)}
		}
	}
	for _, want := range described {
		got, ok := served[want.name]
		if !ok {
			t.Errorf("%s is described, and not served", want.name)
			continue
		}
		delete(served, want.name)
		if got.kind != want.kind || len(got.labels) != len(want.labels) {
			t.Errorf("%s is a %s with the labels %q, described as a %s with %q", want.name, got.kind, got.labels, want.kind, want.labels)
		}
	}
	for name := range served {
		t.Errorf("%s is served, and not described", name)
	}
}

// kindOf returns the kind of a family.
func kindOf(f *dto.MetricFamily) string { return strings.ToLower(f.GetType().String()) }

// labelNames returns the labels of the first series of a family.
func labelNames(f *dto.MetricFamily) (out []string) {
	for _, pair := range f.GetMetric()[0].GetLabel() {
		out = append(out, pair.GetName())
	}
	return out
}
