package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// versionedApp makes two versions of an app, and returns the config of the first.
func versionedApp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const app = `Bun.serve({hostname: "127.0.0.1", port: process.env.PORT, fetch: () => new Response(process.env.DYNLB_VERSION)});`
	for _, version := range []string{"v1", "v2"} {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, version), 0o700), os.WriteFile(filepath.Join(dir, version, "app.ts"), []byte(app), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("location: %[1]s/v1/app.ts\nworkDir: %[1]s/v1\nreleases: %[1]s\ncommand: [bun, run, '{location}', --port, '{port}']\nminInstances: 2\nmaxInstances: 2\n", dir)
}

// TestUpgradeDuringADeploy: an upgrade is refused while a canary is being watched, whatever
// asks for it, and the canary goes on. After the end of the deploy it is carried out.
func TestUpgradeDuringADeploy(t *testing.T) {
	t.Parallel()
	p := operate(t, versionedApp(t))
	load := p.begin()
	worker := p.commands("worker")
	stream, err := p.Deploy(context.Background(), &dynlbv1.DeployRequest{Version: "v2", Canary: 0.5, CanaryTime: durationpb.New(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	canary := func() bool { return p.pool().GetDeploy().GetPhase() == dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY }
	daemontest.Eventually(t, "the canary", canary)
	before := p.instances()
	const reason = "a deploy of default is under way"
	if code, output := p.upgrade(); code != 1 || !strings.Contains(output, reason) {
		t.Errorf("upgrade: exit code %d, %s", code, output)
	}
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the refusal in the log", func() bool {
		return strings.Contains(p.log.String(), `"upgrade failed`) && strings.Contains(p.log.String(), reason)
	})
	daemontest.Eventually(t, "the refusal in the status", func() bool {
		_, text := p.run("status")
		return strings.Contains(text, " failed, nothing has changed: "+reason)
	})
	daemontest.Eventually(t, "the end of the worker that was started", func() bool { return slices.Equal(p.commands("worker"), worker) })
	if now := p.instances(); !canary() || !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v; %v", now, before, p.pool().GetDeploy())
	}
	if _, err := p.Rollback(context.Background(), &dynlbv1.RollbackRequest{}); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	daemontest.Eventually(t, "the end of the deploy", func() bool { return p.pool().GetDeploy() == nil })
	p.mustUpgrade()
	load.Stop()
}

// TestUpgradeWithAnInvalidConfig: the new binary reads the config that the present one has
// rejected. The upgrade says so, nothing changes, and it is carried out when that is mended.
func TestUpgradeWithAnInvalidConfig(t *testing.T) {
	t.Parallel()
	const valid = "minInstances: 2\nmaxInstances: 2\n"
	p := operate(t, valid)
	load, before := p.begin(), p.instances()
	p.write(valid + "moon: full\n")
	daemontest.Eventually(t, "the reload", func() bool { return strings.Contains(p.log.String(), "config reload failed") })
	if code, output := p.upgrade(); code != 1 || !strings.Contains(output, "the new binary rejects the config") {
		t.Errorf("upgrade: exit code %d, %s", code, output)
	}
	p.write(valid)
	p.mustUpgrade()
	load.Stop()
	if now := p.instances(); !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v", now, before)
	}
}

// TestWorkerDiesDuringADeploy: a deploy has an end among the events when the worker dies.
func TestWorkerDiesDuringADeploy(t *testing.T) {
	t.Parallel()
	p := operate(t, versionedApp(t)+fmt.Sprintf("stateDir: %s\n", t.TempDir()))
	stream, err := p.Deploy(context.Background(), &dynlbv1.DeployRequest{Version: "v2", Canary: 0.5, CanaryTime: durationpb.New(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.commands("worker")[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the end of the deploy", func() bool {
		_, text := p.run("events")
		return strings.Contains(text, "v1 stays: dynlb was started again in the middle of the deploy of v2")
	})
}
