package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/gen"
)

// TestOpenAPIDocument checks what clients are generated from: the operation ids, that
// each reference leads to a schema, that streams are typed as such, and that fields which
// are always there are required.
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct{ Content map[string]any }
		}
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]struct{ Type, Format, Pattern string }
			}
		}
	}
	if err := json.Unmarshal([]byte(gen.OpenAPI), &doc); err != nil {
		t.Fatal(err)
	}
	ids, streams := map[string]string{}, []string{"watchInstances", "restartInstances", "streamLogs", "deploy", "rollback", "upgrade"}
	for path, methods := range doc.Paths {
		for _, op := range methods {
			ids[op.OperationID] = path
			for media := range op.Responses["200"].Content {
				if stream := slices.Contains(streams, op.OperationID); stream != (media == "application/x-ndjson") {
					t.Errorf("%s answers with %s", path, media)
				}
			}
		}
	}
	want := map[string]string{
		"getHealth": "/healthz", "getReadiness": "/readyz", "getMetrics": "/metrics", "getLbStatus": "/lb-status", "getStatus": "/v1/status",
		"listApps": "/v1/apps", "scaleTo": "/v1/scale", "pauseApp": "/v1/pause", "resumeApp": "/v1/resume", "restartInstances": "/v1/restart",
		"watchInstances": "/v1/instances/watch",
	}
	for id, path := range want { // a method that is added is no error
		if ids[id] != path {
			t.Errorf("the operation %s has the path %q, want %q", id, ids[id], path)
		}
	}
	for _, part := range strings.Split(gen.OpenAPI, `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("the document refers to %s, which it lacks: %q", name, slices.Sorted(maps.Keys(doc.Components.Schemas)))
		}
	}
	instance := doc.Components.Schemas["Instance"]
	if total := instance.Properties["totalRequests"]; total.Type != "string" || total.Pattern == "" {
		t.Errorf("a uint64 is described as %+v, and sent as a string", total)
	}
	if r := instance.Required; !slices.Contains(r, "totalRequests") || !slices.Contains(r, "state") || slices.Contains(r, "startTime") {
		t.Errorf("required of an instance: %q", r)
	}
	for _, absent := range []string{"#/definitions/", `"nullable"`, "instances:watch", `"swagger"`} {
		if strings.Contains(gen.OpenAPI, absent) {
			t.Errorf("the document has %s", absent)
		}
	}
}

// TestBothWatchPaths: the path without a colon is the same as the one with it.
func TestBothWatchPaths(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, path := range []string{"/v1/instances:watch", "/v1/instances/watch"} {
		resp, body := p.do(t, http.MethodGet, path+"?minInterval=bad", "")
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("GET %s: %s %s, want 400", path, resp.Status, body)
		}
	}
}
