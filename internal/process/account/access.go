package account

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// MayExecute reports whether the permission bits let u execute a file, or enter a
// folder. It does not read access control lists, so the kernel may decide
// otherwise: use it to explain a refusal, or to prefer one file over another.
func (u *User) MayExecute(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case u.UID == 0: // root enters any folder, and executes a file with any x bit
		return info.IsDir() || mode&0o111 != 0
	case stat.Uid == u.UID:
		return mode&0o100 != 0
	case stat.Gid == u.GID || slices.Contains(u.Groups, stat.Gid):
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// Barrier returns the first folder on the way to path that u may not enter, or
// "" if there is none. It checks path itself when that is a folder, and the
// way that symbolic links lead.
func (u *User) Barrier(path string) string {
	routes := []string{path}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		routes = append(routes, resolved)
	}
	for _, route := range routes {
		for _, dir := range withParents(route) {
			if info, err := os.Stat(dir); err == nil && info.IsDir() && !u.MayExecute(info) {
				return dir
			}
		}
	}
	return ""
}

// withParents lists the folders above path, from the root on, and path.
func withParents(path string) []string {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	dirs := []string{path}
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		dirs = append(dirs, path)
	}
	slices.Reverse(dirs)
	return dirs
}

// mayRun reports whether the permission bits let u execute a file where it is. A
// nil u could read the folder, and may.
func (u *User) mayRun(file string, info fs.FileInfo) bool {
	return u == nil || u.MayExecute(info) && u.Barrier(file) == ""
}
