package account

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMayExecute(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	info := func(mode fs.FileMode) fs.FileInfo {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		i, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	stat := info(0o700).Sys().(*syscall.Stat_t)
	for _, test := range []struct {
		user User
		mode fs.FileMode
		want bool
	}{
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1}, 0o701, true},
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1}, 0o770, false},
		{User{UID: stat.Uid + 1, GID: stat.Gid}, 0o710, true},
		{User{UID: stat.Uid + 1, GID: stat.Gid}, 0o701, false},
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1, Groups: []uint32{stat.Gid}}, 0o710, true},
		{User{UID: 0}, 0o700, true},
	} {
		if got := test.user.MayExecute(info(test.mode)); got != test.want {
			t.Errorf("%+v may enter a folder of mode %v: %v, want %v", test.user, test.mode, got, test.want)
		}
	}
}

// A barrier is the first folder that the user may not enter, also behind a link.
func TestBarrier(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.MkdirAll(dir+"/open/deep", 0o755), os.MkdirAll(dir+"/closed/deep", 0o755), os.Chmod(dir+"/closed", 0o700),
		os.Symlink(dir+"/closed/deep", dir+"/open/link"), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	u := &User{UID: uint32(os.Getuid()) + 1, GID: uint32(os.Getgid()) + 1}
	if outside := u.Barrier(dir); outside != "" {
		t.Skipf("other users may not enter %s", outside)
	}
	for path, want := range map[string]string{
		"/open":              "",
		"/open/deep/absent":  "",
		"/closed":            "/closed",
		"/closed/deep/file":  "/closed",
		"/open/link":         "/closed",
		"/open/../open/deep": "",
	} {
		if want != "" {
			want = dir + want
		}
		if got := u.Barrier(dir + path); got != want {
			t.Errorf("Barrier(%s) = %q, want %q", path, got, want)
		}
	}
}
