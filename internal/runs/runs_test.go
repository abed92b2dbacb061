package runs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestList: records of processes that run are listed, oldest first, those of processes that
// are gone are removed, and files that are none are left alone.
func TestList(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	self := Of(os.Getpid())
	self.Admin = "127.0.0.1:4001"
	parent := self
	parent.PID, parent.Begin = os.Getppid(), self.Begin.Add(-time.Hour)
	parent.Identity = procfs.Identity(parent.PID)
	stale, reused, elsewhere := self, self, self
	stale.PID, stale.Identity = gone.Process.Pid, procfs.Identity(gone.Process.Pid)
	reused.PID, reused.Identity = 1, "1.1234567890123" // another process has its id now
	elsewhere.PID, elsewhere.Namespace = 2, "1"
	var paths []string
	for _, r := range []Record{self, parent, stale, reused, elsewhere} {
		path, err := r.Write(folder)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	damaged := filepath.Join(folder, "dynlb-3.json")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := List([]string{folder, filepath.Dir(folder) + "/*"}) // the folder twice
	if len(got) != 2 || got[0].PID != parent.PID || got[1].PID != self.PID || got[1].Admin != self.Admin || !got[1].Own {
		t.Errorf("%+v", got)
	}
	for i, path := range append(paths, damaged) {
		_, err := os.Stat(path)
		if removed := i == 2 || i == 3; os.IsNotExist(err) != removed {
			t.Errorf("%s: removed %v, want %v", path, !removed, removed)
		}
	}
}

// TestFolder: the folder of systemd comes first, then that of the user.
func TestFolder(t *testing.T) {
	t.Parallel()
	env := map[string]string{"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/x"}
	getenv := func(name string) string { return env[name] }
	if got, err := Folder(getenv); err != nil || got != "/run/user/7/dynlb" {
		t.Errorf("%q, %v", got, err)
	}
	env["RUNTIME_DIRECTORY"] = "/run/shop:/run/other"
	if got, err := Folder(getenv); err != nil || got != "/run/shop" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWriteFails: the error names what could not be done.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := Of(os.Getpid())
	if _, err := r.Write(filepath.Join(file, "run")); err == nil {
		t.Error("a record was written below a file")
	}
}

// TestTakeCut: a record that says that requests were cut off is left for the command that waits
// for the end, for a while, and is none of a dynlb that runs.
func TestTakeCut(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	program := exec.Command("sleep", "600")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	r := Of(program.Process.Pid)
	write := func() (path string) {
		path, err := r.Write(folder)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	write()
	all := List([]string{folder})
	if len(all) != 1 || all[0].TakeCut() {
		t.Fatalf("%+v", all)
	}
	_ = program.Process.Kill()
	_ = program.Wait()
	r.Cut = true
	path := write()
	if left := List([]string{folder}); len(left) != 0 || !all[0].TakeCut() || all[0].TakeCut() {
		t.Errorf("%+v, or the record is not taken once", left)
	}
	write()
	old := time.Now().Add(-2 * cutKept)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if left := List([]string{folder}); len(left) != 0 || all[0].TakeCut() {
		t.Errorf("%+v, or the record stays", left)
	}
}
