package daemon_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestDrainDelayAccepts: when dynlb is told to stop, it is not ready at once. For
// drainDelay it accepts new connections, and each response ends its connection.
func TestDrainDelayAccepts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const delay = 4 * time.Second
	r := daemontest.Start(t, daemontest.Original(t)+"drainDelay: "+delay.String()+"\n")
	r.AwaitReady(2)
	begun := time.Now() // drainDelay ends later than delay after it
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	daemontest.Eventually(t, "not ready", func() bool {
		code, _ := r.Get(r.AdminURL + "/readyz")
		return code == http.StatusServiceUnavailable
	})
	for range 5 {
		response, err := http.Get(r.URL + "/")
		if took := time.Since(begun); err != nil && took < delay {
			t.Fatalf("after %v: %v", took, err)
		} else if err != nil {
			break // the machine is too slow for five requests in that time
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != http.StatusOK || !response.Close {
			t.Errorf("got %d, connection to be closed: %v", response.StatusCode, response.Close)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took < delay {
		t.Errorf("it stopped after %v, before the end of drainDelay", took)
	}
}
