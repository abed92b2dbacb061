package server

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestSetApps: calls reach the apps of the last SetApps, metrics show them, and the watch
// of an app that is gone ends.
func TestSetApps(t *testing.T) {
	t.Parallel()
	p := start(t)
	stream, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	names := func() []string {
		t.Helper()
		response, err := p.client.ListApps(t.Context(), &dynlbv1.ListAppsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetApps()
	}
	if got := names(); !slices.Equal(got, []string{"default"}) {
		t.Errorf("apps %q", got)
	}
	two, three := newApp("two"), newApp("three")
	all := []App{three.app(), two.app()}
	p.metrics.SetApps(all)
	p.SetApps(all)
	if got := names(); !slices.Equal(got, []string{"three", "two"}) {
		t.Errorf("apps %q", got)
	}
	if _, body := p.do(t, http.MethodGet, "/v1/apps", ""); body != `{"apps":["three","two"]}` {
		t.Errorf("GET /v1/apps: %s", body)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	wantCode(t, err, codes.NotFound, "app default was removed")
	_, err = p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{App: "default"})
	wantCode(t, err, codes.NotFound, `there is no app "default", only three, two`)
	p.metrics.Record(Request{App: "two", Code: 200})
	p.metrics.Record(Request{App: "default", Code: 200}) // the last request of an app that is gone
	_, body := p.do(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`dynlb_requests_total{app="two",code="200"} 1`, `dynlb_requests_total{app="default",code="200"} 1`,
		`dynlb_target_instances{app="three"} 2`, `dynlb_target_instances{app="two"} 2`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(body, `dynlb_target_instances{app="default"}`) {
		t.Error("the metrics show the target of an app that is gone")
	}
}

// TestLbStatusOfTwoApps: /lb-status has the instances of all apps, or those of one, on
// both listeners; the public one does not list the apps.
func TestLbStatusOfTwoApps(t *testing.T) {
	t.Parallel()
	p, two := startTwo(t)
	public := httptest.NewServer(p.StatusHandler())
	defer public.Close()
	first, second := p.add(t, 5001, registry.Ready), two.add(t, 5002, registry.Ready)
	third := two.add(t, 5003)
	for _, base := range []string{p.base, public.URL} {
		for _, c := range []struct {
			query string
			code  int
			begin string
			ids   []registry.ID
		}{
			{"", 200, `{"total":3,"healthy":2,"instances":[`, []registry.ID{first, second, third}},
			{"?app=", 200, `{"total":3,"healthy":2,"instances":[`, []registry.ID{first, second, third}},
			{"?app=two", 200, `{"total":2,"healthy":1,"instances":[`, []registry.ID{second, third}},
			{"?app=default&x=y", 200, `{"total":1,"healthy":1,"instances":[`, []registry.ID{first}},
			{"?app=three", 404, `{"error":"not found","reason":"there is no app \"three\""}`, nil},
		} {
			resp, body := (&plane{base: base, web: p.web}).do(t, http.MethodGet, "/lb-status"+c.query, "")
			if resp.StatusCode != c.code || !strings.HasPrefix(body, c.begin) || resp.Header.Get("Content-Type") != "application/json" ||
				strings.Count(body, `"id":`) != len(c.ids) {
				t.Errorf("/lb-status%s: %s %s", c.query, resp.Status, body)
			}
			for _, id := range c.ids {
				if !strings.Contains(body, string(id)) {
					t.Errorf("/lb-status%s lacks %s: %s", c.query, id, body)
				}
			}
		}
	}
}
