// Package explain turns start errors and exits into one line that says what is
// wrong and what would help, for the people who read the log and the status. It
// also makes text that a child printed safe for a log and a terminal.
//
// It decides nothing: it looks at files and permissions only after a start has
// failed. It imports account, and no other package of dynlb. All functions are
// safe for concurrent use.
package explain

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

// StartError says why a child could not be started and what would help, in one
// line: "bun: not found on PATH; npm install -g --allow-scripts=bun bun, or set command in the config".
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
	return Clean([]byte(text))
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Command is a child whose start failed.
type Command struct {
	// Argv is the program and its arguments.
	Argv []string
	// Dir is the working directory; empty means dynlb's.
	Dir string
	// User is the user that the child runs as; nil means dynlb's own.
	User *account.User
	// File is the file of the program that was found or tried; it may be empty.
	File string
}

// Start turns the error of finding or starting a program into one that its reader
// can act on.
func Start(c Command, err error) *StartError {
	e := &StartError{Program: "command", Err: err}
	if len(c.Argv) > 0 {
		e.Program = cmp.Or(c.Argv[0], e.Program)
	}
	if strings.ContainsRune(c.File, '/') && !filepath.IsAbs(c.File) {
		c.File = filepath.Join(c.Dir, c.File)
	}
	e.Problem, e.Remedy = explainDir(c.Dir)
	if e.Problem == "" && c.User != nil {
		e.Problem, e.Remedy = explainUser(c, err)
	}
	if e.Problem == "" {
		e.Problem, e.Remedy = explainCause(c, e.Program, err)
		if c.File == e.Program { // the line begins with it already
			e.Problem = strings.TrimLeft(strings.TrimPrefix(e.Problem, c.File), ": ")
		}
	}
	return e
}

// explainDir says what is wrong with a working directory. The problem is "" when
// nothing is.
func explainDir(dir string) (problem, remedy string) {
	if dir == "" {
		return "", ""
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Sprintf("cannot start in %s: %v", dir, withoutPath(err)), "create the folder, or set workDir:"
	case !info.IsDir():
		return fmt.Sprintf("cannot start in %s: not a folder", dir), "set workDir:"
	}
	return "", ""
}

// explainCause says what the error means when neither the working directory nor
// the user is the cause.
func explainCause(c Command, program string, err error) (problem, remedy string) {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "not found on PATH", cmp.Or(splitHint(program), installHint(program)+", or set command in the config")
	case errors.Is(err, fs.ErrPermission):
		return explainPermission(c.File)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return explainNotExist(c.File)
	case errors.Is(err, syscall.ENOEXEC):
		return explainFormat(c.File)
	case errors.Is(err, syscall.EAGAIN):
		return "no more processes allowed", "raise the process limit (ulimit -u, pids.max of the cgroup)"
	case errors.Is(err, syscall.ENOMEM):
		return "not enough memory to start a process", "free memory, or raise the memory limit"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files", "raise the limit (ulimit -n)"
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return "no program given", "set command in the config"
	default:
		return fmt.Sprintf("cannot start: %v", withoutPath(err)), ""
	}
}

// splitHint says how to write a program that does not exist and looks like a
// whole command line. It returns "" for any other.
func splitHint(program string) string {
	words := strings.Fields(program)
	if len(words) < 2 || !strings.Contains(program, " ") {
		return ""
	}
	if strings.ContainsRune(words[0], '/') {
		if info, err := os.Stat(words[0]); err != nil || info.IsDir() {
			return "" // a path with a space in it
		}
	}
	if strings.ContainsAny(program, "&|;<>") {
		return fmt.Sprintf("no shell reads it; to have one, write [sh, -c, %q]", program)
	}
	return "the program and each argument are separate items: [" + strings.Join(words, ", ") + "]"
}

// explainPermission says why the kernel refuses to execute a file.
func explainPermission(file string) (problem, remedy string) {
	info, err := os.Stat(file)
	switch {
	case err == nil && info.IsDir():
		return file + " is a folder", "set command in the config to a program"
	case err == nil && info.Mode()&0o111 == 0:
		return file + " is not executable", "chmod +x " + file
	default:
		return file + ": permission denied", "check that this user may run it (chmod +x) and that its disk is not mounted noexec"
	}
}

// explainFormat says why the kernel cannot execute a file that it may execute. A text
// without a #! line is what a package of npm has in place of its program until its install
// script has run, which npm does not do by itself from version 12 on.
func explainFormat(file string) (problem, remedy string) {
	head := make([]byte, 64)
	if f, err := os.Open(file); err == nil {
		n, _ := f.Read(head) // what cannot be read is no text
		head = head[:n]
		_ = f.Close()
	}
	isText := !bytes.ContainsFunc(head, func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c > '~' })
	if target, err := filepath.EvalSymlinks(file); isText && err == nil && strings.Contains(target, "/node_modules/") {
		name := packageOf(target)
		return file + " is not the program yet: the install script of its package did not run",
			fmt.Sprintf("npm install -g --allow-scripts=%[1]s %[1]s", name)
	}
	return file + " is not a program for this machine", "build it for this system, or give a script its #! line"
}

// packageOf returns the name of the package of npm that a file belongs to.
func packageOf(file string) string {
	const folder = "/node_modules/"
	parts := strings.SplitN(file[strings.LastIndex(file, folder)+len(folder):], "/", 3)
	if strings.HasPrefix(parts[0], "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// explainNotExist tells a file that does not exist from one whose interpreter
// does not: execve(2) returns the same error for both.
func explainNotExist(file string) (problem, remedy string) {
	if _, err := os.Stat(file); err != nil {
		return file + " does not exist", cmp.Or(splitHint(file), "create it, or set command in the config")
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

// withoutPath strips the operation and path off an error, for a line that names
// the path itself.
func withoutPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
