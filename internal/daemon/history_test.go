package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestHistoryOutlivesDynlb: events, figures and the output of instances are there after a
// restart of dynlb, and a watch goes on after the last event that its reader knows.
func TestHistoryOutlivesDynlb(t *testing.T) {
	t.Parallel()
	yaml := fmt.Sprintf("stateDir: %s\nminInstances: 1\n", t.TempDir())
	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	r.Get(r.URL)
	events := listEvents(t, r, 0)
	known := events[len(events)-1]
	first := known.GetInstanceId()
	daemontest.Eventually(t, "figures", func() bool { return responses(t, r) > 0 })
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}

	r = daemontest.Start(t, yaml)
	r.AwaitReady(1)
	again := listEvents(t, r, 0)
	if len(again) < 2*len(events) || again[0].GetSequence() != events[0].GetSequence() {
		t.Errorf("%d events before, %d after: %v", len(events), len(again), again)
	}
	for i := range again[1:] {
		if again[i+1].GetSequence() <= again[i].GetSequence() {
			t.Errorf("event %d has the number %d, after %d", i+1, again[i+1].GetSequence(), again[i].GetSequence())
		}
	}
	if responses(t, r) == 0 {
		t.Error("the figures are lost")
	}
	watch, err := r.Client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{ResumeAfter: known.GetSequence()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := watch.Recv()
	if err != nil || m.GetEventsIncomplete() || len(m.GetEvents()) == 0 || m.GetEvents()[0].GetSequence() <= known.GetSequence() {
		t.Fatalf("the watch begins with %v, %v", m.GetEvents(), err)
	}
	stopped := false
	for i, e := range m.GetEvents() {
		if i > 0 && e.GetSequence() <= m.GetEvents()[i-1].GetSequence() {
			t.Errorf("event %d of the watch has the number %d, after %d", i, e.GetSequence(), m.GetEvents()[i-1].GetSequence())
		}
		stopped = stopped || e.GetType() == dynlbv1.EventType_EVENT_TYPE_STOPPED && e.GetInstanceId() == first
	}
	if !stopped {
		t.Errorf("the stop of %s is missing: %v", first, m.GetEvents())
	}
	status, body := r.Get(r.AdminURL + "/v1/events?newestFirst=true&pageSize=1")
	if status != http.StatusOK || !strings.Contains(body, `"nextPageToken":"`) {
		t.Errorf("%d %s", status, body)
	}
}

// listEvents returns the events that are kept, at least one.
func listEvents(t *testing.T, r *daemontest.Running, after uint64) (events []*dynlbv1.Event) {
	t.Helper()
	daemontest.Eventually(t, "the last event", func() bool {
		page, err := r.Client.ListEvents(t.Context(), &dynlbv1.ListEventsRequest{AfterSequence: after})
		events = page.GetEvents()
		return err == nil && len(events) > 0 && events[len(events)-1].GetType() == dynlbv1.EventType_EVENT_TYPE_READY
	})
	return events
}

// responses returns how many responses the figures of the last minutes have.
func responses(t *testing.T, r *daemontest.Running) (n uint32) {
	t.Helper()
	h, err := r.Client.GetHistory(t.Context(), &dynlbv1.GetHistoryRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if step := h.GetStep().AsDuration(); step < time.Second {
		t.Errorf("the step is %v", step)
	}
	for _, p := range h.GetPoints() {
		n += p.GetResponses_2Xx()
	}
	return n
}
