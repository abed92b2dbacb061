package cli

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestLastOutput: the last lines are shown, without control characters.
func TestLastOutput(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	view{}.lastOutput(&out, &dynlbv1.Pool{})
	view{}.lastOutput(&out, &dynlbv1.Pool{LastExit: &dynlbv1.Exit{InstanceId: "0123456789", Reason: "signal: killed"}})
	if out.String() != "" {
		t.Errorf("without output: %q", out.String())
	}
	view{}.lastOutput(&out, &dynlbv1.Pool{LastExit: &dynlbv1.Exit{
		InstanceId: "0123456789", Output: []string{"one", "two", "three", "\tat x", "red \x1b[31m", "bell \a\u009b", "\u202etxt.exe"},
	}})
	want := "last output of 01234567, which ended - ago:\n  three\n   at x\n  red \ufffd[31m\n  bell \ufffd\ufffd\n  \ufffdtxt.exe\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestStatusOfNotReady: status shows why instances are not ready, and does not call it
// a failed start.
func TestStatusOfNotReady(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	view{}.pool(&out, &dynlbv1.Pool{UnavailableReason: "no instance is ready: status 503", Instances: []*dynlbv1.Instance{
		{Id: "0123456789", State: dynlbv1.InstanceState_INSTANCE_STATE_STARTING, StateReason: "not ready yet: status 503"},
		{Id: "1123456789", State: dynlbv1.InstanceState_INSTANCE_STATE_STARTING, StateReason: "minInstances"},
		{Id: "2123456789", State: dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY, StateReason: "failed 2 health checks"},
		{Id: "3123456789", State: dynlbv1.InstanceState_INSTANCE_STATE_READY, StateReason: "answered the health check"},
	}})
	got := out.String()
	if !strings.Contains(got, "\nno instance is ready: status 503\n") || strings.Contains(got, "cannot start") {
		t.Errorf("summary:\n%s", got)
	}
	if want := "\n01234567 is not ready yet: status 503\n21234567 is unhealthy: failed 2 health checks\n"; !strings.HasSuffix(got, want) {
		t.Errorf("reasons:\n%s\nwant %s", got, want)
	}
	out.Reset()
	view{}.pool(&out, &dynlbv1.Pool{UnavailableReason: "bun: not found"})
	if got := out.String(); !strings.Contains(got, "\ncannot start: bun: not found\n") {
		t.Errorf("summary:\n%s", got)
	}
}

// TestStatusOfFailing: status shows the output of an instance that failed.
func TestStatusOfFailing(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "command: [sh, -c, 'echo first; echo cannot find the database >&2; exit 3']\nmaxInstances: 2\n")
	var stdout string
	daemontest.Eventually(t, "the output in the status", func() bool {
		_, stdout, _ = cli(t, "status", "--admin", r.Admin)
		return strings.Contains(stdout, " ago:\n  first\n  cannot find the database\n")
	})
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                             "0s",
		59 * time.Second:              "59s",
		61 * time.Second:              "1m1s",
		2*time.Hour + 3*time.Minute:   "2h3m",
		49*time.Hour + 30*time.Minute: "2d1h",
		-time.Hour:                    "0s",
	} {
		if got := age(timestamppb.New(time.Now().Add(-d))); got != want {
			t.Errorf("age(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestLineIsTruncated(t *testing.T) {
	t.Parallel()
	var out daemontest.Buffer
	view{width: 5}.line(&out, "héllo", "")
	view{width: 5}.line(&out, "hello!", "")
	view{colours: true}.line(&out, "x", red)
	if got, want := out.String(), "héllo\nhell…\n\x1b[31mx\x1b[0m\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
