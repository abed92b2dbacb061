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
	r := daemontest.Start(t, daemontest.Original(t)+"drainDelay: 2s\n")
	r.AwaitReady(2)
	begun := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- r.Stop() }()
	daemontest.Eventually(t, "not ready", func() bool {
		code, _ := r.Get(r.AdminURL + "/readyz")
		return code == http.StatusServiceUnavailable
	})
	for range 5 {
		response, err := http.Get(r.URL + "/")
		if err != nil {
			t.Fatalf("after %v: %v", time.Since(begun), err)
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
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("it stopped after %v, before the end of drainDelay", took)
	}
}
