package procfs

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// startTime returns when a process started, in clock ticks since boot, or "".
func startTime(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	const field = 22 // starttime in proc_pid_stat(5)
	fields := statFields(string(stat))
	if len(fields) <= field-firstField {
		return ""
	}
	return fields[field-firstField]
}

// PIDNamespace returns the inode of the PID namespace of a process: a pid, or
// "self". A pid has a meaning only together with its namespace.
func PIDNamespace(process string) (string, error) {
	link, err := os.Readlink("/proc/" + process + "/ns/pid") // "pid:[4026531836]"
	if err != nil {
		return "", err
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]"), nil
}

// Environ returns the environment that a process was started with: KEY=value
// entries, each ended by a zero byte.
//
// It costs four system calls. Those of os.ReadFile, which are twice as many, would be most
// of what a start of dynlb does that finds no orphans.
func Environ(pid int) (string, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/environ"
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = syscall.Close(fd) }() // nothing was written
	var room [firstEnviron]byte
	for environ := room[:0]; ; {
		n, err := syscall.Read(fd, environ[len(environ):cap(environ)])
		if err != nil {
			return "", &os.PathError{Op: "read", Path: path, Err: err}
		}
		if environ = environ[:len(environ)+n]; n == 0 {
			return string(environ), nil
		}
		if len(environ) == cap(environ) {
			environ = slices.Grow(environ, cap(environ))
		}
	}
}

// firstEnviron is the room for an environment that is usually enough.
const firstEnviron = 8 << 10
