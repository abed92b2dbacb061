package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/dynlb/dynlb/proxy/outcome"
)

// patience bounds every wait.
const patience = time.Minute

// receiver is a collector: it reads OTLP over HTTP as the protocol says.
func receiver(t *testing.T) (url string, spans chan *otlp.ResourceSpans) {
	t.Helper()
	spans = make(chan *otlp.ResourceSpans, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		data, err := io.ReadAll(body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(data, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		}
		for _, s := range request.GetResourceSpans() {
			spans <- s
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	return s.URL, spans
}

// TestSpans checks what a collector gets of a request that waited and was sent twice.
func TestSpans(t *testing.T) {
	t.Parallel()
	endpoint, received := receiver(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tracer, err := New(ctx, Settings{Endpoint: endpoint, Version: "v1.2.3", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o := &outcome.Outcome{
		App: "shop", Method: []byte("GET"), Route: []byte("/cart"), Client: "192.0.2.1", Instance: "one", Code: 502, Source: outcome.Instance,
		Queued: time.Second, Attempts: 2, Duration: 3 * time.Second,
		Trace: outcome.Trace{ID: [16]byte{1}, Parent: [8]byte{2}, Server: [8]byte{3}, Attempt: [8]byte{4}, Sampled: true},
	}
	tracer.Record(o)
	o.Method[0] = 'X' // its memory is used again
	if err := tracer.Close(ctx); err != nil {
		t.Fatal(err)
	}
	got := <-received
	attributes := map[string]string{}
	for _, a := range got.GetResource().GetAttributes() {
		attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	if attributes["service.name"] == "" || attributes["service.version"] != "v1.2.3" {
		t.Errorf("resource %v", attributes)
	}
	byKind := map[otlp.Span_SpanKind]*otlp.Span{}
	for _, s := range got.GetScopeSpans()[0].GetSpans() {
		byKind[s.GetKind()] = s
		if hex.EncodeToString(s.GetTraceId()) != "01000000000000000000000000000000" {
			t.Errorf("%s is of trace %x", s.GetName(), s.GetTraceId())
		}
	}
	server, attempt, queue := byKind[otlp.Span_SPAN_KIND_SERVER], byKind[otlp.Span_SPAN_KIND_CLIENT], byKind[otlp.Span_SPAN_KIND_INTERNAL]
	if len(byKind) != 3 || server.GetName() != "GET" || attempt.GetName() != "GET" || queue.GetName() != "queue" {
		t.Fatalf("spans %v", byKind)
	}
	if server.GetParentSpanId()[0] != 2 || server.GetSpanId()[0] != 3 || attempt.GetSpanId()[0] != 4 {
		t.Errorf("server %v, attempt %v", server, attempt)
	}
	for _, child := range []*otlp.Span{attempt, queue} {
		if !bytes.Equal(child.GetParentSpanId(), server.GetSpanId()) {
			t.Errorf("%s has the parent %x, want the server's span", child.GetName(), child.GetParentSpanId())
		}
	}
	length := func(s *otlp.Span) time.Duration {
		return time.Duration(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano())
	}
	if length(server) != 3*time.Second || length(queue) != time.Second || length(attempt) != 2*time.Second {
		t.Errorf("server %v, queue %v, attempt %v; want 3 s, 1 s, 2 s", length(server), length(queue), length(attempt))
	}
	values := map[string]string{}
	for _, a := range append(server.GetAttributes(), attempt.GetAttributes()...) {
		values[a.GetKey()] = a.GetValue().String()
	}
	for _, key := range []string{
		"http.request.method", "http.response.status_code", "error.type", "url.path", "client.address", "dynlb.app", "dynlb.instance.id",
		"http.request.resend_count",
	} {
		if values[key] == "" {
			t.Errorf("no span has %s: %v", key, values)
		}
	}
	if server.GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR {
		t.Errorf("status %v of a 502", server.GetStatus())
	}
}

// TestSlowCollector: recording does not wait for a collector, and what it drops is
// counted.
func TestSlowCollector(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	t.Cleanup(s.Close)
	tracer, err := New(t.Context(), Settings{Endpoint: s.URL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * queueSize
	for range n {
		tracer.Record(&outcome.Outcome{Method: []byte("GET"), Trace: outcome.Trace{ID: [16]byte{1}, Server: [8]byte{1}, Sampled: true}})
	}
	if d := tracer.Dropped(); d == 0 || d > n-queueSize {
		t.Errorf("%d of %d were dropped, want some, and the length of the queue kept", d, n)
	}
	close(held)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_ = tracer.Close(ctx) // the collector did not answer with a message
}

// TestCloseDuringExport: what is being exported when Close is called is exported by Close.
func TestCloseDuringExport(t *testing.T) {
	t.Parallel()
	began, first := make(chan struct{}), true
	var received int
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if first {
			first = false
			close(began)
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done() // the export is given up
			return
		}
		received++
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	tracer, err := New(t.Context(), Settings{Endpoint: s.URL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range batchSize {
		tracer.Record(&outcome.Outcome{Method: []byte("GET"), Trace: outcome.Trace{ID: [16]byte{1}, Server: [8]byte{1}, Sampled: true}})
	}
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tracer.Close(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if received != 1 || tracer.Dropped() != 0 {
		t.Errorf("%d exports were received, and %d requests dropped", received, tracer.Dropped())
	}
}
