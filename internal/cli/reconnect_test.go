package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestFollowOverRestart: watch, logs, events and top go on with the next dynlb, also after a
// kill, say so, and miss nothing that was kept.
func TestFollowOverRestart(t *testing.T) {
	t.Parallel()
	p := daemontest.StartProgram(t, t.TempDir(), "minInstances: 1\nmaxInstances: 3\nstateDir: "+t.TempDir()+"\n"+
		"command: [sh, -c, 'echo \"printed by $PORT\"; exec sleep 600']\nverifyPort: false\n")
	type following struct {
		args        []string
		first, last string // in the output: before and after the restart
		out, err    daemontest.Buffer
		code        chan int
	}
	all := []*following{
		{args: []string{"watch", "-o", "lines"}, first: "wanted", last: "starting"},
		{args: []string{"logs", "-f"}, first: "printed by", last: "printed by"},
		{args: []string{"events", "-f"}, first: "starting", last: "config loaded"},
		{args: []string{"top", "--plain"}, first: "starting", last: "starting"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, f := range all {
		f.code = make(chan int, 1)
		go func() { f.code <- Run(ctx, append(f.args, "--admin", p.Admin), &f.out, &f.err, testVersion) }() // ends with ctx
		daemontest.Eventually(t, f.args[0], func() bool { return strings.Contains(f.out.String(), f.first) })
	}
	once := &following{code: make(chan int, 1)}
	go func() {
		once.code <- Run(ctx, []string{"watch", "-o", "lines", "--no-reconnect", "--admin", p.Admin}, &once.out, &once.err, testVersion)
	}()
	daemontest.Eventually(t, "watch --no-reconnect", func() bool { return strings.Contains(once.out.String(), "wanted") })
	if err := p.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Cmd.Wait()
	if code := <-once.code; code != exitFail || !strings.Contains(once.err.String(), "the connection is lost") {
		t.Errorf("watch --no-reconnect: %d %s", code, once.err.String())
	}
	before := map[*following]int{}
	for _, f := range all {
		if f.args[0] == "top" {
			daemontest.Eventually(t, "top without dynlb", func() bool { return strings.Contains(f.out.String(), "connection lost ") })
		} else {
			daemontest.Eventually(t, f.args[0]+" without dynlb", func() bool { return strings.Contains(f.err.String(), "the connection is lost: ") })
		}
		before[f] = len(f.out.String())
	}
	p.Start()
	for _, f := range all {
		daemontest.Eventually(t, f.args[0]+" with the next dynlb", func() bool {
			return strings.Contains(f.out.String()[before[f]:], f.last) && (f.args[0] == "top" || strings.Contains(f.err.String(), "connected again"))
		})
	}
	cancel()
	for _, f := range all {
		if code := <-f.code; code != exitDone {
			t.Errorf("%v: exit code %d\n%s", f.args, code, f.err.String())
		}
	}
	// The log of the first dynlb was printed once.
	if out := all[1].out.String(); strings.Count(out[:before[all[1]]], "printed by") != strings.Count(out, "printed by")-strings.Count(out[before[all[1]]:], "printed by") {
		t.Errorf("logs:\n%s", out)
	}
}

// TestLogPlace: after a resume, lines that were read are not read again, also of several
// with the same time.
func TestLogPlace(t *testing.T) {
	t.Parallel()
	at := func(second int, text string) *dynlbv1.LogLine {
		return &dynlbv1.LogLine{Time: timestamppb.New(time.Unix(int64(second), 0)), Text: text}
	}
	texts := func(lines []*dynlbv1.LogLine) (all string) {
		for _, l := range lines {
			all += l.GetText()
		}
		return all
	}
	var place logPlace
	request := &dynlbv1.StreamLogsRequest{App: "web", Follow: true}
	if got := place.resume(request); got != request {
		t.Errorf("before the first line: %v", got)
	}
	if got := texts(place.pass([]*dynlbv1.LogLine{at(1, "a"), at(2, "b"), at(2, "c")})); got != "abc" {
		t.Errorf("first: %s", got)
	}
	resumed := place.resume(request)
	if resumed.GetSince().AsTime().Unix() != 2 || resumed.GetApp() != "web" || !resumed.GetFollow() || request.GetSince() != nil {
		t.Errorf("resumed: %v", resumed)
	}
	if got := texts(place.pass([]*dynlbv1.LogLine{at(2, "b"), at(2, "c"), at(2, "d"), at(3, "e")})); got != "de" {
		t.Errorf("after the resume: %s", got)
	}
}

// TestNoDynlb: a command that follows ends at once if there is no dynlb to begin with.
func TestNoDynlb(t *testing.T) {
	t.Parallel()
	address := daemontest.FreeAddress(t)
	for _, args := range [][]string{{"watch"}, {"logs", "-f"}, {"events", "-f"}, {"top"}} {
		if code, _, stderr := cli(t, append(args, "--admin", address)...); code != exitFail || !strings.Contains(stderr, "no dynlb answers at "+address) {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}
