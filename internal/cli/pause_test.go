package cli

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestPause: requests wait between pause and resume, and the status says so.
func TestPause(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	for _, want := range []string{"paused", "already paused"} {
		if code, stdout, stderr := cli(t, "pause", "--admin", r.Admin); code != exitDone || stdout != want+"\n" {
			t.Errorf("pause: %d %s%s", code, stdout, stderr)
		}
	}
	if _, stdout, _ := cli(t, "status", "--admin", r.Admin); !strings.Contains(stdout, "paused: requests wait until 'dynlb resume'") {
		t.Errorf("status: %s", stdout)
	}
	answered := make(chan int, 1)
	go func() {
		code, _ := r.Get(r.URL + "/")
		answered <- code
	}()
	daemontest.Eventually(t, "the request that waits", func() bool { return r.Pool().GetWaitingRequests() == 1 })
	for _, want := range []string{"resumed", "already resumed"} {
		if code, stdout, stderr := cli(t, "resume", "default", "--admin", r.Admin); code != exitDone || stdout != want+"\n" {
			t.Errorf("resume: %d %s%s", code, stdout, stderr)
		}
	}
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the request that waited got %d", code)
	}
	if code, _, stderr := cli(t, "pause", "shop", "--admin", r.Admin); code != exitUsage || !strings.Contains(stderr, `there is no app "shop"`) {
		t.Errorf("pause of another app: %d %s", code, stderr)
	}
	if code, _, stderr := cli(t, "pause", "a", "b"); code != exitUsage {
		t.Errorf("pause of two apps: %d %s", code, stderr)
	}
}
