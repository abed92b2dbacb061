package tracing

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/dynlb/dynlb/proxy/outcome"
)

// request is what is kept of an outcome.
type request struct {
	outcome.Outcome
	method, route string
	ended         time.Time
}

// newRequest keeps an outcome, whose memory is used again.
func newRequest(o *outcome.Outcome, ended time.Time) request {
	r := request{Outcome: *o, method: string(o.Method), route: string(o.Route), ended: ended}
	r.Method, r.Route, r.Request = nil, nil, nil
	return r
}

// spans returns the spans of the request: the request itself, its wait in the queue, and
// what the instance did. Names and attributes are those of the semantic conventions of
// OpenTelemetry for HTTP, which are stable.
func (r *request) spans(from *resource.Resource) []sdk.ReadOnlySpan {
	began := r.ended.Add(-r.Duration)
	claimed := began.Add(r.Queued)
	server := r.span(from, r.method, trace.SpanKindServer, r.Trace.Server, r.Trace.Parent, began, r.ended)
	server.Parent = r.context(r.Trace.Parent).WithRemote(true)
	server.Attributes = append(server.Attributes, r.common()...)
	server.Attributes = append(server.Attributes, attribute.String("url.path", r.route), attribute.String("dynlb.app", r.App))
	if r.Client != "" {
		server.Attributes = append(server.Attributes, attribute.String("client.address", r.Client))
	}
	if r.Code >= 500 { // an error of the client is none of a server
		server.Status = sdk.Status{Code: codes.Error}
	}
	out := []sdk.ReadOnlySpan{}
	if r.Queued > 0 {
		id := r.Trace.Server
		id[0] ^= 0xff // differs from the others of the trace
		queue := r.span(from, "queue", trace.SpanKindInternal, id, r.Trace.Server, began, claimed)
		out = append(out, queue.Snapshot())
		server.ChildSpanCount++
	}
	if r.Attempts > 0 {
		attempt := r.span(from, r.method, trace.SpanKindClient, r.Trace.Attempt, r.Trace.Server, claimed, r.ended)
		attempt.Attributes = append(r.common(), attribute.String("dynlb.instance.id", r.Instance))
		if r.Attempts > 1 {
			attempt.Attributes = append(attempt.Attributes, attribute.Int("http.request.resend_count", r.Attempts-1))
		}
		if r.Code >= 400 {
			attempt.Status = sdk.Status{Code: codes.Error}
		}
		out = append(out, attempt.Snapshot())
		server.ChildSpanCount++
	}
	return append(out, server.Snapshot())
}

// common returns the attributes that the spans of a request have in common.
func (r *request) common() []attribute.KeyValue {
	out := []attribute.KeyValue{attribute.String("http.request.method", r.method)}
	if r.Code >= 100 {
		out = append(out, attribute.Int("http.response.status_code", r.Code))
	}
	if r.Code >= 500 || r.Source == outcome.Client && r.Code == 499 {
		out = append(out, attribute.String("error.type", strconv.Itoa(r.Code)))
	}
	return out
}

// span returns a span of the request.
func (r *request) span(from *resource.Resource, name string, kind trace.SpanKind, id, parent [8]byte, start, end time.Time) tracetest.SpanStub {
	return tracetest.SpanStub{
		Name: name, SpanKind: kind, SpanContext: r.context(id), Parent: r.context(parent), StartTime: start, EndTime: end,
		Resource: from, InstrumentationScope: instrumentation.Scope{Name: "github.com/dynlb/dynlb"},
	}
}

// context returns the context of a span of the trace.
func (r *request) context(id [8]byte) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: r.Trace.ID, SpanID: id, TraceFlags: trace.FlagsSampled})
}
