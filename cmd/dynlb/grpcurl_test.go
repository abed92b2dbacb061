package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestGrpcurl: grpcurl can use the control listener without further files.
func TestGrpcurl(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	out := grpcurl(t, "grpc.health.v1.Health", r.Admin, "list")
	if !strings.Contains(out, "dynlb.v1.Control") || !strings.Contains(out, "grpc.health.v1.Health") {
		t.Errorf("list: %s", out)
	}
	out = grpcurl(t, "newTarget", "-d", `{"target": 3, "hold": "60s"}`, r.Admin, "dynlb.v1.Control/ScaleTo")
	if !strings.Contains(out, `"newTarget": 3`) {
		t.Errorf("ScaleTo: %s", out)
	}
	r.AwaitReady(3)
	out = grpcurl(t, `"instances"`, r.Admin, "dynlb.v1.Control/WatchInstances")
	if !strings.Contains(out, `"target": 3`) {
		t.Errorf("WatchInstances: %s", out)
	}
}

// grpcurl runs the pinned grpcurl until its output contains last, and returns the
// output.
func grpcurl(t *testing.T, last string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it may have to be built
	defer cancel()
	command := exec.CommandContext(ctx, "go", append([]string{"tool", "-modfile=tools/go.mod", "grpcurl", "-plaintext"}, args...)...)
	command.Dir = "../.."
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go tool and its child
	var stderr daemontest.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.Contains(out.String(), last); {
		fmt.Fprintln(&out, lines.Text())
	}
	cancel() // a watch does not end by itself
	_ = command.Wait()
	if !strings.Contains(out.String(), last) {
		t.Fatalf("grpcurl %v: %s%s", args, out.String(), stderr.String())
	}
	return out.String()
}
