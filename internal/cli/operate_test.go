package cli

import (
	"context"
	"net/http"
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

// TestDrain: drain replaces an instance, and ends when it is gone.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	id := r.Pool().GetInstances()[0].GetId()
	code, stdout, stderr := cli(t, "drain", id[:8], "--admin", r.Admin)
	for _, want := range []string{id[:8] + " is being replaced\n", "starting ", "ready ", "draining " + id[:8], "stopped " + id[:8]} {
		if code != exitDone || !strings.Contains(stdout, want) {
			t.Errorf("%d %s%s, want %q", code, stdout, stderr, want)
		}
	}
	for _, in := range r.Pool().GetInstances() {
		if in.GetId() == id {
			t.Error("the instance is still there")
		}
	}
	r.AwaitReady(2)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"drain"}, "drain needs an instance"},
		{[]string{"drain", "zzz"}, `there is no instance "zzz"; there are `},
		{[]string{"drain", "zzz", "--timeout", "0"}, "--timeout must be above 0"},
		{[]string{"drain", "zzz", "--app", "other"}, `there is no app "other"`},
	} {
		if code, _, stderr := cli(t, append(c.args, "--admin", r.Admin)...); code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %s, want %q", c.args, code, stderr, c.want)
		}
	}
}

// TestDrainTakesTooLong: the error says why the instance is not gone.
func TestDrainTakesTooLong(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	id := r.Pool().GetInstances()[0].GetId()
	code, _, stderr := cli(t, "drain", id, "--timeout", "1ns", "--admin", r.Admin)
	if code != exitFail || stderr == "" {
		t.Errorf("%d %s", code, stderr)
	}
}

// TestReloadCommand: reload ends when the config is in force, and says why it is not.
func TestReloadCommand(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	for _, c := range []struct {
		yaml string
		code int
		want string
	}{
		{"minInstances: 1\nmaxInstances: 4\n", exitDone, "in force: config.yaml\n"},
		{"maxInstance: 4\n", exitUsage, "did you mean maxInstances?"},
		{"minInstances: 1\ncommand: [\"false\"]\nstartTimeout: 1s\n", exitFail, "exit status 1"},
	} {
		r.SetConfig(c.yaml)
		if code, stdout, stderr := cli(t, "reload", "--admin", r.Admin); code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%s: %d %s%s, want %d with %q", c.yaml, code, stdout, stderr, c.code, c.want)
		}
	}
	if code, _, stderr := cli(t, "reload", "web"); code != exitUsage || !strings.Contains(stderr, "dynlb restart web") {
		t.Errorf("reload of an app: %d %s", code, stderr)
	}
}

// TestLsAndStop: ls lists a dynlb of this machine, also as JSON, until stop has ended it.
func TestLsAndStop(t *testing.T) {
	t.Parallel()
	// The folder that the tests of this package have, which ls reads.
	folder := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "dynlb-test-ls")
	p := daemontest.StartProgram(t, folder, "minInstances: 1\n")
	daemontest.Eventually(t, "a ready instance in ls", func() bool {
		_, stdout, _ := cli(t, "ls") // which may list others: the columns are as wide as these need
		for line := range strings.Lines(stdout) {
			if strings.HasSuffix(strings.Join(strings.Fields(line), " "), p.Admin+" 1/1 default "+p.Config) {
				return true
			}
		}
		return false
	})
	if code, stdout, _ := cli(t, "list", "-o", "json"); code != exitDone || !strings.Contains(stdout, `"admin":"`+p.Admin+`"`) {
		t.Errorf("as JSON: %d %s", code, stdout)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Cmd.Wait() }() // ends with the program
	code, stdout, stderr := cli(t, "stop", "--admin", p.Admin)
	if code != exitDone || !strings.HasPrefix(stdout, "dynlb (pid ") || !strings.HasSuffix(stdout, "\nstopped\n") {
		t.Errorf("stop: %d %s%s", code, stdout, stderr)
	}
	if err := <-ended; err != nil {
		t.Errorf("dynlb serve: %v", err)
	}
	if _, stdout, _ := cli(t, "ls"); strings.Contains(stdout, p.Admin) {
		t.Errorf("ls lists a dynlb that has ended:\n%s", stdout)
	}
	if code, _, stderr := cli(t, "stop", "--admin", p.Admin); code != exitFail || !strings.Contains(stderr, "no dynlb answers") {
		t.Errorf("stop of one that has ended: %d %s", code, stderr)
	}
	if code, _, stderr := cli(t, "stop", "3f2a"); code != exitUsage || !strings.Contains(stderr, "dynlb drain 3f2a") {
		t.Errorf("stop of an instance: %d %s", code, stderr)
	}
}

// TestStopCutsOff: stop tells that requests were cut off, and fails if it was to wait for them.
// "stopped" is not in the log then, which ends with why serve has failed.
func TestStopCutsOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag, first, last string
		code              int
	}{
		{"--now", " stops at once\n", "\nstopped; requests in flight were cut off\n", exitDone},
		{"--force", " stops, which may take up to 5.2s\n", "dynlb: stopped, and requests in flight were cut off: they took longer than drainTimeout, or another order has stopped dynlb at once\n", exitCut},
	} {
		folder := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "dynlb-test-cut"+c.flag)
		p := daemontest.StartProgram(t, folder, "minInstances: 1\ndrainTimeout: 200ms\nqueue: {timeout: 1m}\ncommand: [sleep, \"600\"]\n")
		listen := runs.List([]string{folder})[0].Listen
		done := make(chan struct{})
		go func() { // ends with dynlb
			defer close(done)
			if response, err := http.Get("http://" + listen); err == nil { // it waits for an instance
				response.Body.Close()
			}
		}()
		daemontest.Eventually(t, "a request that waits", func() bool {
			response, err := p.Client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
			return err == nil && response.GetPool().GetWaitingRequests() == 1
		})
		ended := make(chan error, 1)
		go func() { ended <- p.Cmd.Wait() }() // ends with the program
		code, stdout, stderr := cli(t, "stop", c.flag, "--admin", p.Admin)
		if text := stdout + stderr; code != c.code || !strings.Contains(text, c.first) || !strings.HasSuffix(text, c.last) {
			t.Errorf("stop %s: exit code %d, %s", c.flag, code, text)
		}
		if err := <-ended; err == nil {
			t.Errorf("stop %s: dynlb serve has not failed", c.flag)
		}
		<-done
		if log := p.Log.String(); strings.Contains(log, `"msg":"stopped"`) || !strings.Contains(log, `"msg":"serve failed"`) {
			t.Errorf("stop %s: log %s", c.flag, log)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) != 0 {
			t.Errorf("stop %s: left behind: %v", c.flag, left)
		}
	}
}

// TestLsOfOthers: ls does not ask a dynlb of another user, whose record could name any token
// and any address to send it to.
func TestLsOfOthers(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	for own, want := range map[bool]string{true: "1/1", false: "-"} {
		if got := new(options).readyAt(t.Context(), &runs.Record{Admin: r.Admin, Own: own}); got != want {
			t.Errorf("own %v: %s ready, want %s", own, got, want)
		}
	}
}

// TestStopOfService: a dynlb that systemd runs is not stopped, which would start it again.
func TestStopOfService(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	record := runs.Of(os.Getpid()) // the daemon is in this process
	record.Admin, record.Unit, record.UserUnit = r.Admin, "shop.service", true
	path, err := record.Write(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "dynlb-test-service"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	if code, _, stderr := cli(t, "stop", "--admin", r.Admin); code != exitFail || !strings.Contains(stderr, "systemctl --user stop shop.service") {
		t.Errorf("%d %s", code, stderr)
	}
	if _, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{}); err != nil {
		t.Errorf("it was stopped: %v", err)
	}
}

// TestOthersHint: where no dynlb answers, those of the machine are named.
func TestOthersHint(t *testing.T) {
	t.Parallel()
	all := []runs.Record{{Admin: "127.0.0.1:4001", Config: "/srv/shop/config.yaml"}, {Admin: "127.0.0.1:4101"}}
	if got, want := othersHint(all), "\non this machine there is --admin 127.0.0.1:4001 (/srv/shop/config.yaml), --admin 127.0.0.1:4101 (the defaults)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := othersHint(append(all, all...)); !strings.HasSuffix(got, ", and others: 'dynlb ls'") {
		t.Errorf("of four: %q", got)
	}
	if got := othersHint(nil); got != "" {
		t.Errorf("of none: %q", got)
	}
	r := &remote{address: daemontest.FreeAddress(t), others: func() []runs.Record { return all }}
	if err := r.explain(t.Context(), status.Error(codes.Unavailable, "refused")); !strings.Contains(err.Error(), "--admin 127.0.0.1:4101") {
		t.Errorf("%v", err)
	}
}

// TestScaleOfApp: the words of other tools, "APP N", are those of APP=N.
func TestScaleOfApp(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	if code, stdout, stderr := cli(t, "scale", "default", "2", "--admin", r.Admin); code != exitDone || stdout != "target 1 -> 2\n" {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, listener string
		want           bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"localhost", "::", true},
		{"localhost", "127.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", true},
		{"192.0.2.1", "127.0.0.1", false},
		{"192.0.2.1", "::", false}, // perhaps another machine
	} {
		if got := sameHost(c.host, c.listener); got != c.want {
			t.Errorf("%s, %s: %v", c.host, c.listener, got)
		}
	}
}
