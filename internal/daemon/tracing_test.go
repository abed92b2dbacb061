package daemon_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestTracing has a collector receive the trace that a request continues, and the metrics
// name it as an exemplar.
func TestTracing(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	received := make(chan string, 16)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
		received <- string(body)
	}))
	defer collector.Close()
	r := daemontest.Start(t, "tracing: {endpoint: "+collector.URL+", sample: 1}\n")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/traced", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	select {
	case body := <-received:
		if !strings.Contains(body, "/traced") || !strings.Contains(body, "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36") {
			t.Errorf("the collector got %q", body)
		}
	case <-time.After(time.Minute):
		t.Fatal("the collector got nothing")
	}
	metrics, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.AdminURL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	metrics.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	if response, err = http.DefaultClient.Do(metrics); err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), `trace_id="`+trace+`"`) {
		t.Errorf("the metrics lack the exemplar: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}
