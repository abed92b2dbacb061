package procfs

import (
	"os"
	"strconv"
	"strings"
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
func Environ(pid int) (string, error) {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return string(environ), err
}
