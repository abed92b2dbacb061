package account

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A nil user finds the first executable file on the PATH of the environment given.
func TestLookPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"a/app": 0o755, "b/app": 0o755, "a/data": 0o644, "b/dir/app": 0o755} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(cwd, dir+"/a")
	if err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + dir + "/absent:" + dir + "/b:" + dir + "/a"
	for _, test := range []struct {
		program, path, want string
		err                 error
	}{
		{"app", path, dir + "/b/app", nil},
		{"data", path, dir + "/a/data", fs.ErrPermission},
		{"dir", path, "", exec.ErrNotFound},
		{"absent", path, "", exec.ErrNotFound},
		{"app", "PATH=" + relative, "", exec.ErrNotFound},
		{"app", "PATH=", "", exec.ErrNotFound},
		{"./app", path, "./app", nil},
		{"/absent", path, "/absent", nil},
		{"", path, "", syscall.EINVAL},
	} {
		got, err := (*User)(nil).LookPath(test.program, []string{"PATH=" + dir + "/a", test.path})
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("LookPath(%q) with %s = %q, %v, want %q, %v", test.program, test.path, got, err, test.want, test.err)
		}
	}
}

func TestLookEnv(t *testing.T) {
	t.Parallel()
	env := []string{"A=1", "AB=2", "A=3=4", "C"}
	for name, want := range map[string]string{"A": "3=4", "AB": "2", "B": "", "C": ""} {
		if got := lookEnv(env, name); got != want {
			t.Errorf("lookEnv(%q) = %q, want %q", name, got, want)
		}
	}
}
