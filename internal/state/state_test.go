package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type document struct{ Version string }

func open(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestDocuments: a document that was saved is loaded again, also by the next process, and
// others have no access to it.
func TestDocuments(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	f := open(t, path)
	var got document
	if ok, err := f.Load("deploy", &got); ok || err != nil {
		t.Fatalf("Load of a document that was not saved: %v, %v", ok, err)
	}
	earlier := filepath.Join(path, "earlier.json")
	for _, version := range []string{"v1", "v2"} {
		if err := f.Save("deploy", document{version}); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(path, "deploy.json"), earlier); version == "v1" && err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := f.Load("earlier", &got); !ok || err != nil || got.Version != "v1" {
		t.Errorf("the previous document was written over: %v, %v, %+v", ok, err, got)
	}
	if err := os.WriteFile(filepath.Join(path, "deploy.json"+temporary), []byte("{"), fileMode); err != nil {
		t.Fatal(err) // as a crash leaves it
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	if ok, err := f.Load("deploy", &got); !ok || err != nil || got.Version != "v2" {
		t.Errorf("Load: %v, %v, %+v", ok, err, got)
	}
	sub, err := f.Sub("history")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(path, "deploy.json"), filepath.Join(path, "lock"), sub} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v; want no access for others", p, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(path, "deploy.json"+temporary)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file that a crash left is still there: %v", err)
	}
}

// TestLooseFolder: access for others is taken away from a folder that exists.
func TestLooseFolder(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != folderMode {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestOneProcess: a folder that is held cannot be opened, and the error names the holder.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	f := open(t, path)
	_, err := Open(path)
	held, ok := errors.AsType[HeldError](err)
	if !ok || held.PID != os.Getpid() {
		t.Errorf("Open of a folder that is held: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// TestDamagedDocument: a document that is not JSON is an error, and can be replaced.
func TestDamagedDocument(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	if err := os.WriteFile(f.document("deploy"), []byte("\x00\x00"), fileMode); err != nil {
		t.Fatal(err)
	}
	var got document
	if ok, err := f.Load("deploy", &got); ok || err == nil || !strings.Contains(err.Error(), "deploy.json") {
		t.Errorf("Load: %v, %v; want an error that names the file", ok, err)
	}
	if err := f.Save("deploy", document{"v3"}); err != nil {
		t.Error(err)
	}
}

// TestNoFolder: without a folder nothing is kept, and nothing breaks.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	var f *Folder
	if ok, err := f.Load("deploy", new(document)); ok || err != nil {
		t.Errorf("Load: %v, %v", ok, err)
	}
	if err := f.Save("deploy", document{}); !errors.Is(err, ErrOff) {
		t.Errorf("Save: %v", err)
	}
	if _, err := f.Sub("history"); !errors.Is(err, ErrOff) {
		t.Errorf("Sub: %v", err)
	}
	if err := f.Close(); err != nil || f.Path() != "" {
		t.Errorf("Close: %v, Path %q", err, f.Path())
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(blocked, "state")); err == nil {
		t.Error("a folder in a file was opened")
	}
}

// TestIsFull: a user without room left is as good as a full disk, also within other errors.
func TestIsFull(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&fs.PathError{Op: "write", Err: unix.ENOSPC}: true,
		&fs.PathError{Op: "write", Err: unix.EDQUOT}: true,
		unix.EIO: false,
	} {
		if got := IsFull(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
