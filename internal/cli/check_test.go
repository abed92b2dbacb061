package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/config"
)

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	code, stdout, _ := cli(t, "check")
	if code != exitDone || stdout != "no config.yaml found: the defaults apply\n" {
		t.Errorf("without a file: %d, %s", code, stdout)
	}
	if err := os.WriteFile("config.yaml", []byte("command: [./app, --port, \"{port}\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := "config.yaml is valid: 2 to 8 instances of " + filepath.Join(dir, "app") + " --port 5001, on :4000\n"
	for _, args := range []string{"check", "check config.yaml", "check --config config.yaml"} {
		if code, stdout, _ = cli(t, strings.Fields(args)...); code != exitDone || stdout != want {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, stdout, want)
		}
	}
}

// TestCheckRefusesWhatServeDoes: only root can run instances as another user.
func TestCheckRefusesWhatServeDoes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/exe, for a user that may not see the folder of this program")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("user: root\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "check")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	output, err := cmd.CombinedOutput()
	want := "dynlb: user: root needs dynlb to run as root; start it as root, or as that user and without the key\n"
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitUsage || string(output) != want {
		t.Errorf("check: %v, %s", err, output)
	}
}

// TestPrintSchedule: the runs around a clock change, with their offset.
func TestPrintSchedule(t *testing.T) {
	t.Parallel()
	settings, err := config.Parse("config.yaml", []byte(`schedule:
  - {cron: "30 2 * * *", minInstances: 4, timezone: Europe/Berlin}
  - {cron: "0 20 * * *", timezone: Europe/Berlin}`), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printSchedule(&out, settings.Schedule, time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC))
	const want = `schedule "30 2 * * *" Europe/Berlin: 4 to 8 instances; next runs:
  Sat 2026-03-28 02:30 +01:00
  Sun 2026-03-29 03:00 +02:00
  Mon 2026-03-30 02:30 +02:00
schedule "0 20 * * *" Europe/Berlin: 2 to 8 instances, in force now; next runs:
  Sat 2026-03-28 20:00 +01:00
  Sun 2026-03-29 20:00 +02:00
  Mon 2026-03-30 20:00 +02:00
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
