package daemon_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/internal/runs"
)

// TestReloadCall: a reload by a call answers when the config is in force, or with why it is
// not.
func TestReloadCall(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\nmaxInstances: 3\n")
	r.AwaitReady(1)
	r.SetConfig("minInstances: 1\nmaxInstances: 5\n")
	if _, err := r.Client.Reload(t.Context(), &dynlbv1.ReloadRequest{}); err != nil || r.Pool().GetMaxInstances() != 5 {
		t.Errorf("%v, up to %d instances", err, r.Pool().GetMaxInstances())
	}
	// Other instances, which the call waits for.
	before := r.Pool().GetInstances()[0].GetId()
	r.SetConfig("minInstances: 1\nmaxInstances: 5\nenv: {A: b}\n")
	if _, err := r.Client.Reload(t.Context(), &dynlbv1.ReloadRequest{}); err != nil {
		t.Error(err)
	}
	for _, in := range r.Pool().GetInstances() {
		if in.GetId() == before && in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			t.Error("the call has ended before the instance was replaced")
		}
	}
	r.SetConfig("maxInstance: 5\n")
	_, err := r.Client.Reload(t.Context(), &dynlbv1.ReloadRequest{})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "did you mean maxInstances?") {
		t.Errorf("an invalid config: %v", err)
	}
	r.SetConfig("minInstances: 1\ncommand: [\"false\"]\nstartTimeout: 1s\n")
	if _, err = r.Client.Reload(t.Context(), &dynlbv1.ReloadRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a config whose instances do not start: %v", err)
	}
}

// TestReloadSuperseded: a reload that waits for instances ends with an error when another
// one takes its place.
func TestReloadSuperseded(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	r.SetConfig("minInstances: 1\ncommand: [sleep, \"600\"]\n")
	first := make(chan error, 1)
	go func() { // ends with the call
		_, err := r.Client.Reload(context.Background(), &dynlbv1.ReloadRequest{})
		first <- err
	}()
	daemontest.Eventually(t, "a reload in progress", func() bool { return r.Pool().GetConfigReloading() })
	r.SetConfig("minInstances: 1\nmaxInstances: 4\n")
	if _, err := r.Client.Reload(t.Context(), &dynlbv1.ReloadRequest{}); err != nil {
		t.Error(err)
	}
	if err := <-first; status.Code(err) != codes.Aborted {
		t.Errorf("the first: %v", err)
	}
}

// TestReloadTwice: a reload that waits for instances goes on when the same config is loaded
// again, and both calls get its outcome.
func TestReloadTwice(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	gate := filepath.Join(t.TempDir(), "gate")
	r.SetConfig("minInstances: 1\nmaxInstances: 4\n" + fmt.Sprintf(
		"command: [sh, -c, 'until [ -e %s ]; do sleep 0.02; done; exec bun run {location} --port {port}']\nlocation: %s\n", gate, daemontest.BunApp(t)))
	outcomes := make(chan error, 2)
	for i := range 2 {
		go func() { // ends with the call
			_, err := r.Client.Reload(context.Background(), &dynlbv1.ReloadRequest{})
			outcomes <- err
		}()
		daemontest.Eventually(t, "a reload in progress", func() bool {
			return strings.Count(r.Log.String(), "config reload in progress") == i+1
		})
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-outcomes; err != nil || r.Pool().GetMaxInstances() != 4 {
			t.Errorf("%v, up to %d instances", err, r.Pool().GetMaxInstances())
		}
	}
}

// TestStopCall: dynlb ends when it is told to, and its record with it.
func TestStopCall(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]bool{"when all is done": false, "now": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := t.TempDir()
			p := daemontest.StartProgram(t, run, "minInstances: 1\n")
			records := runs.List([]string{run})
			if len(records) != 1 || records[0].PID != p.Cmd.Process.Pid || records[0].Admin != p.Admin || strings.Join(records[0].Apps, " ") != "default" {
				t.Fatalf("records: %+v", records)
			}
			response, err := p.Client.Stop(t.Context(), &dynlbv1.StopRequest{Now: now})
			if err != nil || response.GetPid() != int64(p.Cmd.Process.Pid) || response.GetTimeout().AsDuration() <= 0 {
				t.Errorf("%v, %v", response, err)
			}
			if err := p.Cmd.Wait(); err != nil {
				t.Errorf("dynlb serve: %v\n%s", err, p.Log.String())
			}
			left, _ := filepath.Glob(filepath.Join(run, "*"))
			if len(left) != 0 || len(runs.List([]string{run})) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
