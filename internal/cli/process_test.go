package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestStatusOfProcesses: status shows the keeper, and how the last upgrade has ended. Without a
// keeper it shows neither.
func TestStatusOfProcesses(t *testing.T) {
	t.Parallel()
	now := timestamppb.Now()
	keeper := &dynlbv1.Keeper{Pid: 4711, Version: "1.2", StartTime: now}
	upgraded := func(result dynlbv1.UpgradeResult, why string) *dynlbv1.Process {
		return &dynlbv1.Process{
			Keeper: keeper, Version: "1.2", Epoch: 2, UpgradeTime: now, UpgradeBinary: "/usr/bin/dynlb", UpgradeVersion: "1.3", UpgradeResult: result, UpgradeError: why,
		}
	}
	for _, test := range []struct {
		process *dynlbv1.Process
		want    []string // a line each
	}{
		{&dynlbv1.Process{Version: "1.2"}, nil},
		{&dynlbv1.Process{Version: "1.3", Epoch: 2, Keeper: keeper, DrainingWorkers: 1}, []string{"worker 2: dynlb 1.3; workers that finish requests: 1"}},
		{upgraded(dynlbv1.UpgradeResult_UPGRADE_RESULT_DONE, ""), []string{"keeper: process 4711, dynlb 1.2, since 2", " to /usr/bin/dynlb (dynlb 1.3) done"}},
		{upgraded(dynlbv1.UpgradeResult_UPGRADE_RESULT_UNDER_WAY, ""), []string{"", " is under way"}},
		{upgraded(dynlbv1.UpgradeResult_UPGRADE_RESULT_FAILED, "it hangs"), []string{"", " failed, nothing has changed: it hangs"}},
		{upgraded(dynlbv1.UpgradeResult_UPGRADE_RESULT_REVERTED, "it died"), []string{"", " was taken back: it died"}},
	} {
		var out strings.Builder
		view{}.process(&out, test.process)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if test.want == nil && out.String() == "" {
			continue
		}
		if len(lines) != len(test.want) {
			t.Errorf("%v: %q", test.process, lines)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%q, want %q", lines[i], want)
			}
		}
	}
}

// TestPrintFull: the full form is one JSON for each app, with the processes.
func TestPrintFull(t *testing.T) {
	t.Parallel()
	for _, process := range []*dynlbv1.Process{nil, {Version: "1.2"}} {
		var out strings.Builder
		if err := printFull(&out, &dynlbv1.GetStatusResponse{Pool: &dynlbv1.Pool{App: "web"}, Process: process}); err != nil {
			t.Fatal(err)
		}
		var got struct {
			App     string
			Process struct{ Version string }
		}
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.App != "web" || got.Process.Version != process.GetVersion() || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%q: %v", out.String(), err)
		}
	}
}
