package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// mayExecute reports whether the permission bits of a file let u execute it or, of
// a folder, go through it. It does not know of access control lists, so the answer
// explains, and decides nothing.
func (u *User) mayExecute(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case u.UID == 0: // any folder, and what somebody may execute
		return info.IsDir() || mode&0o111 != 0
	case stat.Uid == u.UID:
		return mode&0o100 != 0
	case stat.Gid == u.GID || slices.Contains(u.Groups, stat.Gid):
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// barrier returns the first folder on the way to a file that u may not go
// through, also by way of symbolic links; empty if there is none. A folder itself
// is part of the way to it.
func (u *User) barrier(path string) string {
	ways := []string{path}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		ways = append(ways, resolved)
	}
	for _, way := range ways {
		for _, folder := range foldersTo(way) {
			if info, err := os.Stat(folder); err == nil && info.IsDir() && !u.mayExecute(info) {
				return folder
			}
		}
	}
	return ""
}

// foldersTo lists path and the folders above it, from the root on.
func foldersTo(path string) []string {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	folders := []string{path}
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		folders = append(folders, path)
	}
	slices.Reverse(folders)
	return folders
}

// runnable reports whether u may execute a file, going by permission bits. A nil
// u is dynlb's own user, who has found the file.
func (u *User) runnable(file string, info fs.FileInfo) bool {
	return u == nil || u.mayExecute(info) && u.barrier(file) == ""
}
