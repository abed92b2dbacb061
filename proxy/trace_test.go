package proxy_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestTrace checks, on both lanes and protocols, that the instance is given the trace of
// the client, or a new one, and that the outcome has it.
func TestTrace(t *testing.T) {
	t.Parallel()
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	instances := registry.New(registry.Options{})
	addInstance(t, instances, server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(r.Header.Values("Traceparent"), ",")+" "+r.Header.Get("Tracestate"))
	}))
	recorded := make(chan outcome.Outcome, 16)
	app := route.NewApp("shop", instances, route.Settings{RequestTimeout: patience, Edge: edge.New(edge.Settings{Trace: edge.NewSampler(1, 0)})})
	url := serveProxy(t, proxy.Options{Engine: engine, Router: route.Single(app), Record: func(o *outcome.Outcome) {
		kept := *o
		kept.Method, kept.Route, kept.Request = bytes.Clone(o.Method), nil, nil
		recorded <- kept
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			given, state string
			continued    bool
			sampled      string
		}{
			{"", "", false, "01"},
			{"nonsense", "a=b", false, "01"},
			{"00-" + trace + "-" + span + "-01", "a=b", true, "01"},
			{"00-" + trace + "-" + span + "-00", "", true, "00"},
		} {
			r := newRequest(t, http.MethodGet, url, nil)
			if c.given != "" {
				r.Header.Set("Traceparent", c.given)
				r.Header.Set("Tracestate", c.state)
			}
			got, state, _ := strings.Cut(readAll(t, do(t, client, r)), " ")
			o := wait(t, recorded, "outcome")
			want := "00-" + hex.EncodeToString(o.Trace.ID[:]) + "-" + hex.EncodeToString(o.Trace.Attempt[:]) + "-" + c.sampled
			if got != want || o.Trace.Sampled != (c.sampled == "01") {
				t.Errorf("given %q: the instance got %q, want %q", c.given, got, want)
			}
			continued := strings.Contains(got, trace) && hex.EncodeToString(o.Trace.Parent[:]) == span
			if continued != c.continued || c.continued && state != c.state || !c.continued && state != "" {
				t.Errorf("given %q: continued %v, state %q; want %v", c.given, continued, state, c.continued)
			}
		}
	})
}
