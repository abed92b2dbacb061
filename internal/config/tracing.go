package config

import (
	"net/url"
	"os"

	"gopkg.in/yaml.v3"
)

// Tracing says which requests are traced, and where the traces go.
type Tracing struct {
	// Endpoint is the URL of the collector. Empty: what OpenTelemetry's variables say.
	Endpoint string
	// Sample is the fraction of requests that are traced. Forced is how many a second are
	// beside them because the client asks for it.
	Sample float64
	Forced int
}

// On reports whether requests are traced: there is a collector, and some request may be
// sampled.
func (t *Tracing) On() bool {
	if t.Endpoint != "" {
		return true
	}
	return t.Sample > 0 && (os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
}

func tracingKey(t *Tracing) Key {
	return Key{
		Name:    "tracing",
		Meaning: "Traces of requests, sent to a collector of OpenTelemetry by OTLP over HTTP. dynlb continues the trace of a `traceparent` field, or begins one, and has the instance continue it.",
		Keys: []Key{
			{
				Name: "endpoint", Value: orNone(collectorURL(&t.Endpoint), &t.Endpoint), Example: "http://localhost:4318", Change: NewProcess,
				Meaning: "The collector. The variables `OTEL_EXPORTER_OTLP_*` have its headers and certificates, and `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` what it knows dynlb by. Unset, or `\"\"`: the collector of `OTEL_EXPORTER_OTLP_ENDPOINT` if `sample` is not 0; without either, requests are not traced.",
			},
			{
				Name: "sample", Value: fraction(&t.Sample), Default: "0", Change: AtOnce,
				Meaning: "The part of the requests that is traced, from 0 to 1. A client that says that its trace is not sampled has its requests not traced.",
			},
			{
				Name: "forced", Value: whole(&t.Forced, 0, maxForced), Default: "10", Change: AtOnce,
				Meaning: "How many more requests a second are traced because the client asks for it in `traceparent`.",
			},
		},
	}
}

// maxForced is more than a collector bears.
const maxForced = 1_000_000

// fraction is a number from 0 to 1.
func fraction(field *float64) Value {
	return Value{Kind: Number, Max: 1, decode: func(r *reader, at place, node *yaml.Node) {
		n, ok := float(node)
		if !ok || !(n >= 0 && n <= 1) {
			r.wrong(at, node, "a number from 0 to 1")
			return
		}
		*field = n
	}}
}

// collectorURL is a URL of the scheme http or https.
func collectorURL(field *string) Value {
	return Value{Kind: URL, Plain: true, decode: func(r *reader, at place, node *yaml.Node) {
		s, _ := text(node)
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			r.wrong(at, node, "a URL, such as http://localhost:4318")
			return
		}
		*field = s
	}}
}
