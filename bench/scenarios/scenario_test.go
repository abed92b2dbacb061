package main

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// TestDue: the same seed gives the same arrivals, in order, at about the rate.
func TestDue(t *testing.T) {
	t.Parallel()
	phases := []phase{{burst: 3, rate: 100, last: 10 * time.Second}, {rate: 10, last: 10 * time.Second}}
	a, b := due(phases, 1), due(phases, 1)
	if !slices.Equal(a, b) || slices.Equal(a, due(phases, 2)) {
		t.Error("arrivals do not follow the seed")
	}
	sorted := slices.IsSortedFunc(a, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	if !sorted || len(a) < 900 || len(a) > 1300 {
		t.Errorf("%d arrivals, sorted: %v", len(a), sorted)
	}
}

// TestWork: the client says how long a request takes, if that differs.
func TestWork(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/?share=1.5", nil)
	if got := random.work(r); got != 75*ms {
		t.Errorf("%v", got)
	}
	if got := blocking.work(r); got != 50*ms {
		t.Errorf("%v without a distribution", got)
	}
}

// TestSend: requests are sent when they are due and measured from then on.
func TestSend(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Instance", "1")
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for path, want := range map[string]int{"/": 0, "/fails": 3} {
		outcomes := send(t.Context(), server.URL+path, []arrival{{}, {}, {at: 20 * ms}}, 0)
		r := summarize(scenario{}, outcomes)
		if r.requests != 3 || r.failed != want {
			t.Errorf("%s: %s", path, r)
		}
	}
}

// TestSummarize: only the requests that count are in the result.
func TestSummarize(t *testing.T) {
	t.Parallel()
	var all []outcome
	for i := range 100 {
		all = append(all, outcome{at: time.Duration(i) * ms, took: time.Duration(i) * ms, instance: "1", ok: i%10 > 0})
	}
	r := summarize(scenario{from: 50 * ms}, all)
	if r.requests != 50 || r.failed != 5 || r.mean != 75*ms || r.p50 != 75*ms || r.last != 198*ms {
		t.Errorf("%+v", r)
	}
}
