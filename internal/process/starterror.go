package process

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// StartError says why a child could not be started and what would help, in one
// line: "bun: not found on PATH; npm install -g bun, or set command:".
type StartError struct {
	// Program is Argv[0], or "command" when that is empty.
	Program string
	// Problem says what is wrong: "not found on PATH".
	Problem string
	// Remedy says what to do about it; empty when nothing better than the
	// problem itself is known.
	Remedy string
	// Err is the cause, for errors.Is and errors.As. It is never nil.
	Err error
}

// Error returns the line. It never contains a line break.
func (e *StartError) Error() string {
	text := e.Program + ": " + e.Problem
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return cleanText([]byte(text))
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// explain turns the error of looking up or starting spec's program into one that
// its reader can act on. file is what was found or tried, if anything.
func explain(spec Spec, file string, err error) *StartError {
	e := &StartError{Program: "command", Err: err}
	if len(spec.Argv) > 0 {
		e.Program = cmp.Or(spec.Argv[0], e.Program)
	}
	if strings.ContainsRune(file, '/') && !filepath.IsAbs(file) {
		file = filepath.Join(spec.Dir, file)
	}
	if spec.Dir != "" {
		if info, dirErr := os.Stat(spec.Dir); dirErr != nil {
			e.Problem, e.Remedy = fmt.Sprintf("cannot start in %s: %v", spec.Dir, bare(dirErr)), "create the folder, or set workDir:"
			return e
		} else if !info.IsDir() {
			e.Problem, e.Remedy = fmt.Sprintf("cannot start in %s: not a folder", spec.Dir), "set workDir:"
			return e
		}
	}
	if spec.User != nil {
		if e.Problem, e.Remedy = explainUser(spec, file, err); e.Problem != "" {
			return e
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound):
		e.Problem, e.Remedy = "not found on PATH", cmp.Or(separate(e.Program), remedy(e.Program)+", or set command:")
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Remedy = explainPermission(file)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		e.Problem, e.Remedy = explainNotExist(file)
		if _, statErr := os.Stat(file); statErr != nil {
			e.Remedy = cmp.Or(separate(file), e.Remedy)
		}
	case errors.Is(err, syscall.ENOEXEC):
		e.Problem, e.Remedy = file+" is not a program for this machine", "build it for this system, or give a script its #! line"
	case errors.Is(err, syscall.EAGAIN):
		e.Problem, e.Remedy = "no more processes allowed", "raise the process limit (ulimit -u, pids.max of the cgroup)"
	case errors.Is(err, syscall.ENOMEM):
		e.Problem, e.Remedy = "not enough memory to start a process", "free memory, or raise the memory limit"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Problem, e.Remedy = "too many open files", "raise the limit (ulimit -n)"
	case len(spec.Argv) == 0 || spec.Argv[0] == "":
		e.Problem, e.Remedy = "no program given", "set command:"
	default:
		e.Problem = fmt.Sprintf("cannot start: %v", bare(err))
	}
	if file == e.Program { // the line begins with it already
		e.Problem = strings.TrimLeft(strings.TrimPrefix(e.Problem, file), ": ")
	}
	return e
}

// separate says what to do about a program that does not exist when that looks
// like a whole command line; empty otherwise.
func separate(program string) string {
	words := strings.Fields(program)
	if len(words) < 2 || !strings.Contains(program, " ") {
		return ""
	}
	if strings.ContainsRune(words[0], '/') {
		if info, err := os.Stat(words[0]); err != nil || info.IsDir() {
			return "" // a path with a space in it
		}
	}
	return "the program and each argument are separate items: [" + strings.Join(words, ", ") + "]"
}

// explainPermission says what denies the execution of file.
func explainPermission(file string) (problem, remedy string) {
	info, err := os.Stat(file)
	switch {
	case err == nil && info.IsDir():
		return file + " is a folder", "set command: to a program"
	case err == nil && info.Mode()&0o111 == 0:
		return file + " is not executable", "chmod +x " + file
	default:
		return file + ": permission denied", "check that this user may run it (chmod +x) and that its disk is not mounted noexec"
	}
}

// explainNotExist tells a missing file from one whose interpreter is missing,
// for which execve(2) returns the same error.
func explainNotExist(file string) (problem, remedy string) {
	if _, err := os.Stat(file); err != nil {
		return file + " does not exist", "create it, or set command:"
	}
	if interpreter := interpreterOf(file); interpreter != "" {
		return fmt.Sprintf("%s needs %s, which does not exist", file, interpreter), "install it, or correct the #! line"
	}
	return file + " needs a dynamic loader that does not exist", "use a build for this system's C library (glibc or musl)"
}

// interpreterOf returns the program that the #! line of a script names, or "".
func interpreterOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadString('\n')
	if interpreter, ok := strings.CutPrefix(line, "#!"); ok {
		if fields := strings.Fields(interpreter); len(fields) > 0 {
			return fields[0]
		}
	}
	return ""
}

// bare strips the operation and path off an error whose reader is told them anyway.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
