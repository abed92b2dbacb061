package cli

import (
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestLastOutput: the last lines stand there, and do nothing to the terminal.
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

// TestStatusOfFailing: status says what a program wrote before it ended.
func TestStatusOfFailing(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "command: [sh, -c, 'echo first; echo cannot find the database >&2; exit 3']\nmaxInstances: 2\n")
	var stdout string
	daemontest.Eventually(t, "the output in the status", func() bool {
		_, stdout, _ = cli(t, "status", "--admin", r.Admin)
		return strings.Contains(stdout, " ago:\n  first\n  cannot find the database\n")
	})
}
