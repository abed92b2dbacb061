package account

import (
	"io/fs"
	"os"
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
