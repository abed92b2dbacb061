package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestHistoryCommands: events, history, logs and explain show what a running dynlb knows.
func TestHistoryCommands(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\ncommand: [sh, -c, \"echo out; echo err >&2; exec dynlb-test-none\"]\n")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"logs"}, []string{" | out", " ! err"}},
		{[]string{"logs", "--grep", "^o", "--since", "1h"}, []string{" | out"}},
		{[]string{"logs", "-o", "json", "--stream", "stderr"}, []string{`"text":"err"`}},
		{[]string{"events"}, []string{" starting ", " exited ", "    err"}},
		{[]string{"events", "--kind", "exited", "--since", "1h"}, []string{" exited "}},
		{[]string{"events", "-o", "json"}, []string{`"EVENT_TYPE_STARTING"`}},
		{[]string{"history"}, []string{"REQ/S", "TARGET"}},
		{[]string{"explain"}, []string{"why 1: ", "load now: ", "more: ", "fewer: no, minInstances is 1"}},
	} {
		args := append(slices.Clone(c.args), "--admin", r.Admin)
		daemontest.Eventually(t, strings.Join(c.args, " "), func() bool {
			code, stdout, _ := cli(t, args...)
			for _, want := range c.want {
				if code != exitDone || !strings.Contains(stdout, want) {
					return false
				}
			}
			return true
		})
	}
	for _, args := range [][]string{
		{"logs", "--since", "yesterday"},
		{"logs", "--grep", "("},
		{"logs", "-n", "100000"},
		{"logs", "--stream", "x"},
		{"events", "--kind", "x"},
		{"events", "-n", "0"},
		{"history", "--step", "1ms"},
		{"logs", "none"},
		{"logs", "--instance", "zzz"},
		{"logs", "-f", "--instance", "zzz"},
	} {
		if code, stdout, stderr := cli(t, append(args, "--admin", r.Admin)...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
}

// TestLogsOfInstance: one that runs and has printed nothing is no error, nor is one that
// has ended; one that there is not is.
func TestLogsOfInstance(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	silent := r.Pool().GetInstances()[0].GetId()
	if code, stdout, stderr := cli(t, "logs", "--instance", silent[:8], "--admin", r.Admin); code != exitDone {
		t.Errorf("an instance that runs: %d %s%s", code, stdout, stderr)
	}
	want := `there is no instance "zzz", and no log of one that has ended`
	if code, _, stderr := cli(t, "logs", "--instance", "zzz", "--admin", r.Admin); code != exitUsage || !strings.Contains(stderr, want) {
		t.Errorf("no such instance: %d %s, want %q", code, stderr, want)
	}
	ends := daemontest.Start(t, "minInstances: 1\ncommand: [sh, -c, \"echo out; exit 1\"]\n")
	daemontest.Eventually(t, "the log of an instance that has ended", func() bool {
		id := ends.Pool().GetLastExit().GetInstanceId()
		code, stdout, _ := cli(t, "logs", "--instance", id, "--admin", ends.Admin)
		return id != "" && code == exitDone && strings.Contains(stdout, "out")
	})
}

// TestTail: the error names the flag as it can be written.
func TestTail(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"-3", "10001"} {
		want := "--tail (-n) " + n + " is outside [0, 10000]"
		if code, _, stderr := cli(t, "logs", "-n", n); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s, want %q", n, code, stderr, want)
		}
	}
}

func TestParseSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2h":                   now.Add(-2 * time.Hour),
		"11:30":                now.Add(-30 * time.Minute),
		"13:00":                now.Add(-23 * time.Hour),
		"2026-01-02":           time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		"2026-01-02 03:04":     time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		"2026-01-02T03:04:05Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.AsTime().Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got.AsTime(), err, want)
		}
	}
	for _, text := range []string{"2", "-1h", "tomorrow"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%s: %v, want an error", text, got)
		}
	}
}

// TestLogLine: a line has the colour of its instance, on a terminal alone.
func TestLogLine(t *testing.T) {
	t.Parallel()
	l := &dynlbv1.LogLine{App: "web", InstanceId: "0123456789", Stream: "stderr", Text: "boom\x1b[31m", Level: "error"}
	p := logPrinter{withApp: true}
	if got := p.line(l, time.Now()); !strings.HasSuffix(got, " web/01234567 ! boom\uFFFD[31m") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	p.colours = true
	if got := p.line(l, time.Now()); !strings.HasPrefix(got, "\x1b[") || !strings.Contains(got, red+"boom") {
		t.Errorf("%q", got)
	}
}
