package account

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// LookPath finds the file of a program as a child with the environment env that
// runs as u would: on the PATH of env, which may differ from dynlb's. It returns a
// program with a slash as it is, and ignores relative folders on PATH (see
// exec.ErrDot).
//
// When no file on PATH is executable, the error wraps exec.ErrNotFound, or
// fs.ErrPermission together with the first file of that name. A file that only u
// may not execute is returned without an error: exec fails with the reason.
func (u *User) LookPath(program string, env []string) (string, error) {
	if program == "" {
		return "", fmt.Errorf("no program: %w", syscall.EINVAL)
	}
	if strings.ContainsRune(program, '/') {
		return program, nil
	}
	notExecutable, forbidden := "", ""
	for _, dir := range filepath.SplitList(lookEnv(env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, program)
		info, err := os.Stat(file)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 != 0 && u.mayRun(file, info):
			return file, nil
		case info.Mode()&0o111 != 0 && forbidden == "":
			forbidden = file
		case notExecutable == "":
			notExecutable = file
		}
	}
	if forbidden != "" {
		return forbidden, nil
	}
	if notExecutable != "" {
		return notExecutable, &exec.Error{Name: program, Err: fs.ErrPermission}
	}
	return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
}

// lookEnv returns the value of a variable; of duplicates the last one counts, as
// for exec.
func lookEnv(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if key, v, ok := strings.Cut(entry, "="); ok && key == name {
			value = v
		}
	}
	return value
}
