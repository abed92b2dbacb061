package daemon_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// releases makes a folder with copies of the example app, and returns a config that runs
// v1 of them and keeps its state there.
func releases(t *testing.T) (config string) {
	t.Helper()
	code, err := os.ReadFile(daemontest.BunApp(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"v1", "v2"} {
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "app.ts"), code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("location: %[1]s/v1/app.ts\nworkDir: %[1]s/v1\nreleases: %[1]s\nstateDir: %[1]s/state\nminInstances: 1\n"+
		"command: [%[2]s, run, '{location}']\n", dir, daemontest.Bun(t))
}

// deploy deploys a version, and returns what its last step says.
func deploy(t *testing.T, r *daemontest.Running, req *dynlbv1.DeployRequest, enough func(*dynlbv1.DeployResponse) bool) {
	t.Helper()
	stream, err := r.Client.Deploy(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) || err == nil && enough(m) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeployIsKept: the version that was deployed runs after a restart of dynlb, and one
// whose canary was under way does not. A config that names another version counts.
func TestDeployIsKept(t *testing.T) {
	t.Parallel()
	yaml := releases(t)
	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	inCanary := func(m *dynlbv1.DeployResponse) bool { return m.GetPhase() == dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY }
	deploy(t, r, &dynlbv1.DeployRequest{Version: "v2", Canary: 0.5}, inCanary)
	for _, want := range []string{"v1", "v2"} {
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		r = daemontest.Start(t, yaml)
		r.AwaitReady(1)
		if p := r.Pool(); p.GetVersion() != want || p.GetInstances()[0].GetVersion() != want || p.GetDeploy() != nil {
			t.Errorf("after a restart: %v, want %s", p, want)
		}
		if want == "v1" {
			deploy(t, r, &dynlbv1.DeployRequest{Version: "v2"}, func(*dynlbv1.DeployResponse) bool { return false })
		}
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	r = daemontest.Start(t, yaml+"version: hotfix\n")
	r.AwaitReady(1)
	if p := r.Pool(); p.GetVersion() != "hotfix" || p.GetPreviousVersion() != "" {
		t.Errorf("with another version in the config: %v", p)
	}
}

// TestReloadDuringDeploy: a config for other instances is put in force when the deploy has
// ended, and the status says so meanwhile.
func TestReloadDuringDeploy(t *testing.T) {
	t.Parallel()
	yaml := releases(t)
	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	inCanary := func(m *dynlbv1.DeployResponse) bool { return m.GetPhase() == dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY }
	deploy(t, r, &dynlbv1.DeployRequest{Version: "v2", Canary: 0.5}, inCanary)
	r.Reload(yaml + "env: {A: b}\nmaxInstances: 5\n")
	daemontest.Eventually(t, "a config that waits", func() bool {
		return strings.Contains(r.Pool().GetConfigError(), "a deploy is under way")
	})
	if p := r.Pool(); p.GetDeploy() == nil || p.GetMaxInstances() == 5 {
		t.Errorf("state %v", p)
	}
	stream, err := r.Client.Rollback(t.Context(), &dynlbv1.RollbackRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the config in force", func() bool {
		p := r.Pool()
		return p.GetConfigError() == "" && p.GetMaxInstances() == 5 && p.GetDeploy() == nil
	})
	r.AwaitReady(1)
}
