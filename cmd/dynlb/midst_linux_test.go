package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// operated is dynlb with a client of its control service.
type operated struct {
	*dynlbProcess
	dynlbv1.ControlClient
}

// operate spawns dynlb.
func operate(t *testing.T, extra string, flags ...string) *operated {
	t.Helper()
	needKeeper(t)
	p := spawn(t, extra, flags...)
	return &operated{p, daemontest.Dial(t, p.admin())}
}

// pool returns the state of the app, of whatever worker serves.
func (p *operated) pool() *dynlbv1.Pool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Within)
	defer cancel()
	for {
		response, err := p.GetStatus(ctx, &dynlbv1.GetStatusRequest{}, grpc.WaitForReady(true))
		if status.Code(err) == codes.Unavailable && ctx.Err() == nil { // the call was on its way to the worker before
			continue
		}
		if err != nil {
			p.t.Fatal(err)
		}
		return response.GetPool()
	}
}

// begin sends requests until they are stopped: none may be lost.
func (p *operated) begin() *daemontest.Load {
	p.t.Helper()
	return daemontest.StartLoad(p.t, 2, p.url, "/")
}

// instance returns an instance; nil if it is gone.
func (p *operated) instance(id string) *dynlbv1.Instance {
	p.t.Helper()
	for _, in := range p.pool().GetInstances() {
		if in.GetId() == id {
			return in
		}
	}
	return nil
}

// mustUpgrade carries out an upgrade.
func (p *operated) mustUpgrade() {
	p.t.Helper()
	if code, output := p.upgrade(); code != 0 {
		p.t.Fatalf("upgrade: exit code %d, %s", code, output)
	}
}

// slowStart has the instances take a while to start.
const slowStart = `command: [sh, -c, 'echo begun; sleep 1; exec bun run "$0" --port "$1"', "{location}", "{port}"]` + "\n"

// TestUpgradeDuringARestart: a restart that is under way goes on in the next worker. Each
// instance is replaced once.
func TestUpgradeDuringARestart(t *testing.T) {
	t.Parallel()
	p := operate(t, "minInstances: 3\nmaxInstances: 3\n"+slowStart)
	daemontest.Eventually(t, "three instances", func() bool { return len(p.instances()) == 3 })
	before, load := p.instances(), p.begin()
	stream, err := p.RestartInstances(context.Background(), &dynlbv1.RestartInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for progress := int32(0); progress == 0; {
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		progress = m.GetReplaced()
	}
	p.mustUpgrade()
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the stream of the restart has ended with %v", err)
	}
	daemontest.Eventually(t, "three other instances", func() bool {
		now := p.instances()
		return len(now) == 3 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
	})
	load.Stop()
	if n := strings.Count(p.log.String(), `"begun"`); n != 6 {
		t.Errorf("%d instances were started, want 6", n)
	}
}

// TestUpgradeDuringADrain: an instance that drains goes on to drain in the next worker, until
// the request ends that the worker before has there.
func TestUpgradeDuringADrain(t *testing.T) {
	t.Parallel()
	p := operate(t, "minInstances: 2\nmaxInstances: 2\n")
	const takes = 4 * time.Second
	begun := time.Now()
	slow := p.send("GET", fmt.Sprintf("/slow?ms=%d", takes.Milliseconds()), nil)
	id := ""
	daemontest.Eventually(t, "the request at an instance", func() bool {
		for _, in := range p.pool().GetInstances() {
			if in.GetInFlight() == 1 {
				id = in.GetId()
			}
		}
		return id != ""
	})
	if _, err := p.DrainInstance(context.Background(), &dynlbv1.DrainInstanceRequest{InstanceId: id}); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the drain", func() bool { return p.instance(id).GetState() == dynlbv1.InstanceState_INSTANCE_STATE_DRAINING })
	p.mustUpgrade()
	in := p.instance(id)
	if upgraded := time.Since(begun); upgraded > takes-time.Second {
		t.Logf("the request may have ended before the upgrade, which was over after %v", upgraded)
	} else if in.GetState() != dynlbv1.InstanceState_INSTANCE_STATE_DRAINING || in.GetInFlight() != 1 {
		t.Errorf("after the upgrade: %v", in)
	}
	if got := <-slow; got.status != "200 OK" {
		t.Errorf("%+v", got)
	}
	daemontest.Eventually(t, "its end", func() bool { return p.instance(id) == nil })
	daemontest.Eventually(t, "two instances", func() bool { return len(p.instances()) == 2 })
}

// flakyApp is an app whose process cuts off all requests but checks after SIGUSR1.
const flakyApp = `import http from "node:http";
let broken = false;
process.on("SIGUSR1", () => { broken = true; console.log("broken"); });
http.createServer((req, res) => {
	if (broken && req.url !== "/health") return res.destroy();
	res.end("ok");
}).listen(Number(process.env.PORT), "127.0.0.1");
`

// TestUpgradeWithAnEjectedInstance: an ejection holds over an upgrade, until its time is over.
func TestUpgradeWithAnEjectedInstance(t *testing.T) {
	t.Parallel()
	app := filepath.Join(t.TempDir(), "app.mjs")
	if err := os.WriteFile(app, []byte(flakyApp), 0o600); err != nil {
		t.Fatal(err)
	}
	p := operate(t, fmt.Sprintf("minInstances: 2\nmaxInstances: 2\ncommand: [bun, run, %q, --port, '{port}']\n", app))
	victim := p.pool().GetInstances()[0]
	pid, err := strconv.Atoi(strings.TrimPrefix(victim.GetHandle(), "pid "))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	ejected := func() time.Time { return p.instance(victim.GetId()).GetEjectedUntil().AsTime() }
	daemontest.Eventually(t, "the ejection", func() bool {
		<-p.send("GET", "/", nil)
		return ejected().Unix() > 0
	})
	load := p.begin() // the other instance answers
	until, failures := ejected(), p.instance(victim.GetId()).GetFailures()
	p.mustUpgrade()
	if now := ejected(); now.Sub(until).Abs() > time.Second && time.Now().Before(until.Add(-time.Second)) {
		t.Errorf("ejected until %v, before the upgrade until %v", now, until)
	}
	if now := p.instance(victim.GetId()).GetFailures(); now < failures {
		t.Errorf("%d failures, before the upgrade %d", now, failures)
	}
	served := load.Done.Load()
	daemontest.Eventually(t, "requests after the upgrade", func() bool { return load.Done.Load() > served+20 })
	load.Stop()
}

// TestUpgradeWithAQueue: requests that wait for an instance get one from the worker that has
// read them, while the next one gives its own to the same instances.
func TestUpgradeWithAQueue(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"fast", "std"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := operate(t, "minInstances: 2\nmaxInstances: 2\nmaxConcurrency: 1\nqueue: {timeout: 1m}\n", "--engine", engine)
			load := p.begin()
			var answers []<-chan answer
			ask := func() {
				for range 8 {
					answers = append(answers, p.send("GET", "/slow?ms=700", nil))
				}
			}
			ask()
			daemontest.Eventually(t, "requests that wait", func() bool { return p.pool().GetWaitingRequests() >= 6 })
			p.mustUpgrade()
			ask()
			for _, a := range answers {
				if got := <-a; got.err != nil || got.status != "200 OK" {
					t.Errorf("%+v", got)
				}
			}
			load.Stop()
		})
	}
}

// TestUpgradeWithAHold: a target that an operator has set holds over an upgrade, and for as
// long as it was to.
func TestUpgradeWithAHold(t *testing.T) {
	t.Parallel()
	p := operate(t, "minInstances: 2\nmaxInstances: 4\ncheckInterval: 100ms\nidleTimeout: 100ms\n")
	if _, err := p.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: new(int32(4)), Hold: durationpb.New(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "four instances", func() bool { return len(p.instances()) == 4 })
	before, pool, load := p.instances(), p.pool(), p.begin()
	p.mustUpgrade()
	now := p.pool()
	if now.GetTarget() != 4 || now.GetHoldUntil().AsTime().Sub(pool.GetHoldUntil().AsTime()).Abs() > time.Millisecond ||
		now.GetLastDecision().GetReason() != pool.GetLastDecision().GetReason() {
		t.Errorf("after the upgrade: target %d until %v, %v; before: until %v, %v", now.GetTarget(), now.GetHoldUntil().AsTime(), now.GetLastDecision(),
			pool.GetHoldUntil().AsTime(), pool.GetLastDecision())
	}
	served := load.Done.Load()
	daemontest.Eventually(t, "requests after the upgrade", func() bool { return load.Done.Load() > served+100 })
	load.Stop()
	if after := p.instances(); !slices.Equal(after, before) {
		t.Errorf("instances %v, before %v", after, before)
	}
}

// TestUpgradeDuringAScaleDown: instances that drain because there are too many end when the
// requests do that the worker before has there, and no others end.
func TestUpgradeDuringAScaleDown(t *testing.T) {
	t.Parallel()
	p := operate(t, "minInstances: 2\nmaxInstances: 4\nidleTimeout: 1h\n")
	scale := func(target int32) {
		t.Helper()
		if _, err := p.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: &target, Hold: durationpb.New(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(state dynlbv1.InstanceState) (n int) {
		for _, in := range p.pool().GetInstances() {
			if in.GetState() == state {
				n++
			}
		}
		return n
	}
	scale(4)
	daemontest.Eventually(t, "four instances", func() bool { return count(dynlbv1.InstanceState_INSTANCE_STATE_READY) == 4 })
	before := p.instances()
	var answers []<-chan answer
	for range 8 {
		answers = append(answers, p.send("GET", "/slow?ms=3000", nil))
	}
	daemontest.Eventually(t, "requests at all instances", func() bool {
		return !slices.ContainsFunc(p.pool().GetInstances(), func(in *dynlbv1.Instance) bool { return in.GetInFlight() == 0 })
	})
	scale(2)
	daemontest.Eventually(t, "two that drain", func() bool { return count(dynlbv1.InstanceState_INSTANCE_STATE_DRAINING) == 2 })
	p.mustUpgrade()
	for _, a := range answers {
		if got := <-a; got.err != nil || got.status != "200 OK" {
			t.Errorf("%+v", got)
		}
	}
	daemontest.Eventually(t, "two instances", func() bool { return len(p.instances()) == 2 })
	if now := p.instances(); slices.ContainsFunc(now, func(pid int) bool { return !slices.Contains(before, pid) }) {
		t.Errorf("instances %v, before %v", now, before)
	}
}
