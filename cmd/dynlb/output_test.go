package main

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// fullDisk is a file that there is no room for.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// TestOutputFails: what cannot be printed is a failure, whatever the command did.
func TestOutputFails(t *testing.T) {
	r := start(t, "")
	r.awaitReady(2)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("admin: "+r.admin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"status", "status -o json", "watch", "scale 2", "restart", "check", "version", "--version", "--help", "help", "scale --help", "completion bash",
	} {
		var stderr safeBuffer
		code := run(t.Context(), strings.Fields(args), fullDisk{}, &stderr)
		if want := "dynlb: write output: no space left on device\n"; code != exitFail || stderr.String() != want {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, stderr.String(), want)
		}
	}
}
