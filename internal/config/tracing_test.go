package config

import (
	"strings"
	"testing"
)

func TestTracing(t *testing.T) {
	for yaml, want := range map[string]string{
		"tracing: {endpoint: 'http://localhost:4318', sample: 0.5}": "",
		"tracing: {endpoint: '', sample: 0}":                        "",
		"tracing: {endpoint: localhost:4318}":                       "a URL, such as http://localhost:4318",
		"tracing: {sample: 2}":                                      "a number from 0 to 1",
		"tracing: {sample: -1}":                                     "a number from 0 to 1",
		"tracing: {forced: -1}":                                     "tracing.forced",
	} {
		_, err := Parse("config.yaml", []byte(yaml), t.TempDir(), nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	sampled := Tracing{Sample: 0.1}
	if sampled.On() || !(&Tracing{Endpoint: "http://a"}).On() {
		t.Error("tracing is on without a collector, or off with one")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
	if !sampled.On() || (&Tracing{}).On() {
		t.Error("the variable of OpenTelemetry is a collector for requests that are sampled")
	}
}
