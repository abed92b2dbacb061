package process

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// lookPath finds the program of spec as the child itself would: on the PATH of
// its own environment, which need not be dynlb's. Relative folders on PATH are
// not searched (see exec.ErrDot). With an error it returns the file that came
// closest, if any.
func lookPath(spec Spec) (string, error) {
	if len(spec.Argv) == 0 || spec.Argv[0] == "" {
		return "", fmt.Errorf("no program: %w", syscall.EINVAL)
	}
	program := spec.Argv[0]
	if strings.ContainsRune(program, '/') {
		return program, nil // exec says what is wrong with it
	}
	closest, barred := "", ""
	for _, dir := range filepath.SplitList(lookEnv(spec.Env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, program)
		info, err := os.Stat(file)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 != 0 && spec.User.runnable(file, info):
			return file, nil
		case info.Mode()&0o111 != 0 && barred == "":
			barred = file
		case closest == "":
			closest = file
		}
	}
	if barred != "" {
		return barred, nil // exec decides, and explain says why
	}
	if closest != "" {
		return closest, &exec.Error{Name: program, Err: fs.ErrPermission}
	}
	return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
}

// lookEnv returns the value of a variable; the last one counts, as for exec.
func lookEnv(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if key, v, ok := strings.Cut(entry, "="); ok && key == name {
			value = v
		}
	}
	return value
}
