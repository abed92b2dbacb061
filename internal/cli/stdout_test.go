package cli

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// fullDisk is a file on a full disk.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// TestOutputFails: a command whose output cannot be written fails, whatever it did.
func TestOutputFails(t *testing.T) {
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("admin: "+r.Admin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"status", "status -o json", "watch", "scale 2", "restart", "check", "version", "--version", "--help", "help", "scale --help", "completion bash",
	} {
		var stderr daemontest.Buffer
		code := Run(t.Context(), strings.Fields(args), fullDisk{}, &stderr, testVersion)
		if want := "dynlb: write output: no space left on device\n"; code != exitFail || stderr.String() != want {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, stderr.String(), want)
		}
	}
}
