package prelude

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// self returns the path of this program.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// want checks what a keeper prints.
func want(t *testing.T, keeper *exec.Cmd, text string) {
	t.Helper()
	keeper.Stderr = os.Stderr
	if out, err := keeper.Output(); err != nil || string(out) != text {
		t.Errorf("got %q, %v, want %q", out, err, text)
	}
}

// TestInheritedKeeper: a worker heeds its own keeper, and not one that has started that.
func TestInheritedKeeper(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(self(t), "serve")
	cmd.Env = append(os.Environ(), KeeperVariable+"=77")
	want(t, cmd, "has a keeper")
}

// TestIgnoredInterrupt: a worker would inherit that SIGINT is ignored, as in the background of a
// script, and miss one that its keeper passes on to it.
func TestIgnoredInterrupt(t *testing.T) {
	t.Parallel()
	want(t, exec.Command("sh", "-c", `trap "" INT; exec "$0" serve`, self(t)), "no early worker")
}

// TestReplacedProgram: the worker of a keeper whose file was replaced is not of the new file,
// which is another version.
func TestReplacedProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dynlb")
	if err := os.Link(self(t), path); err != nil {
		t.Skip("link program: ", err) // on another file system
	}
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	for _, file := range []string{path, path + ".new"} { // a rename would not replace a link to the same file
		_ = os.Remove(file) // there may be none
	}
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/fd/3", "serve")
	cmd.ExtraFiles = []*os.File{before}
	want(t, cmd, "no early worker")
}
