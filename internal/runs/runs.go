// Package runs has a record of each dynlb that runs on a machine: a small file that a
// dynlb writes when it serves, and removes at its end. `dynlb ls` shows them.
//
// A record that was left behind by a kill is recognised by the process id and its start
// time, and removed by the next one that lists the records.
package runs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/state"
)

// Record is a dynlb that runs.
type Record struct {
	// Identity is the process as procfs.Identity names it, and Namespace its PID
	// namespace, without which that has no meaning; "" where that is not known.
	Identity  string `json:"identity"`
	Namespace string `json:"namespace,omitempty"`
	// PID is the process id.
	PID int `json:"pid"`
	// Begin is when it began to serve.
	Begin time.Time `json:"begin"`
	// Version is that of the binary.
	Version string `json:"version"`
	// Config is the absolute path of its config file; "" if it has the defaults.
	Config string `json:"config,omitempty"`
	// Listen, Admin and AdminHTTP are the addresses of its listeners.
	Listen    string `json:"listen"`
	Admin     string `json:"admin"`
	AdminHTTP string `json:"adminHTTP"`
	// Apps are the names of its apps.
	Apps []string `json:"apps"`
	// Unit is the systemd service that it is; "" if it is none.
	Unit string `json:"unit,omitempty"`
	// UserUnit is whether a user's systemd has the service.
	UserUnit bool `json:"userUnit,omitempty"`

	// Cut is whether requests in flight were cut off at its end. Such a record stays after
	// the end of one that a command has stopped, which removes it.
	Cut bool `json:"cut,omitempty"`

	path    string // that it was read from
	written time.Time

	// Own is whether the user of this process has written the record. Others' records
	// are to be shown, and not to be trusted with a token.
	Own bool `json:"-"`
}

const (
	prefix  = "dynlb-"
	suffix  = ".json"
	maximum = 64 << 10 // bytes of a record, far above what a dynlb writes
)

// cutKept is how long a record stays that says that requests were cut off: the command that
// reads it looks each 50 ms, on a machine that may be busy.
const cutKept = time.Minute

// Folder returns where a dynlb writes its record: the folder that systemd made for it
// (RUNTIME_DIRECTORY), or $XDG_RUNTIME_DIR/dynlb, or /run/dynlb for root, or else one
// beside the state. The error says that the environment names no place.
func Folder(getenv func(string) string) (string, error) {
	if first, _, _ := strings.Cut(getenv("RUNTIME_DIRECTORY"), ":"); filepath.IsAbs(first) {
		return first, nil
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "dynlb"), nil
	}
	if os.Geteuid() == 0 {
		return "/run/dynlb", nil
	}
	base, _, err := state.Base(getenv)
	if err != nil {
		return "", fmt.Errorf("find a folder for the record of this run: %w", err)
	}
	return filepath.Join(base, "run"), nil
}

// Folders returns where the records of all dynlb of the machine may be, as far as this
// user may read them: patterns of filepath.Glob.
func Folders(getenv func(string) string) []string {
	all := []string{"/run/*", "/run/user/*/*"}
	if own, err := Folder(getenv); err == nil {
		all = append(all, own)
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		all = append(all, filepath.Join(dir, "*"))
	}
	return all
}

// Of returns a record with what is known of a process of this PID namespace.
func Of(pid int) Record {
	namespace, _ := procfs.PIDNamespace("self") // "": not known here
	return Record{PID: pid, Identity: procfs.Identity(pid), Namespace: namespace, Begin: time.Now()}
}

// Write writes the record of this process, in place of an earlier one, and returns its
// path.
func (r *Record) Write(folder string) (path string, err error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write the record of this run: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // other users may see which dynlb run; a private folder stays so
		return "", fmt.Errorf("write the record of this run: %w", err)
	}
	path = filepath.Join(folder, prefix+strconv.Itoa(r.PID)+suffix)
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(data, '\n'), 0o644); err != nil { //nolint:gosec // it has no secrets
		return "", fmt.Errorf("write the record of this run: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", fmt.Errorf("write the record of this run: %w", errors.Join(err, os.Remove(fresh)))
	}
	return path, nil
}

// TakeCut reports whether the dynlb of a record that List returned has left one which says
// that requests were cut off, and removes that. It is called after its end.
func (r *Record) TakeCut() bool {
	last, err := read(r.path)
	if err != nil || last.Identity != r.Identity || !last.Cut {
		return false
	}
	_ = os.Remove(r.path) // another user's stays
	return true
}

// List returns the records in folders, the oldest run first, and removes those of
// processes that are gone as far as this user may. Records of another PID namespace are
// left alone: it cannot be seen whether they are stale.
func List(folders []string) (all []Record) {
	here, _ := procfs.PIDNamespace("self")
	for _, path := range find(folders) {
		r, err := read(path)
		switch {
		case err != nil || r.Namespace != here:
		case r.Alive():
			all = append(all, r)
		case r.Cut && time.Since(r.written) < cutKept: // for TakeCut
		default:
			_ = os.Remove(path) // another user's stays
		}
	}
	slices.SortFunc(all, func(a, b Record) int { return cmp.Or(a.Begin.Compare(b.Begin), cmp.Compare(a.PID, b.PID)) })
	return slices.CompactFunc(all, func(a, b Record) bool { return a.Identity == b.Identity })
}

// find returns the paths of the records, each once.
func find(folders []string) (paths []string) {
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, prefix+"*"+suffix)) // only a bad pattern is an error
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// read reads a record.
func read(path string) (r Record, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return r, err
	}
	if !info.Mode().IsRegular() || info.Size() > maximum {
		return r, fmt.Errorf("read %s: is no record", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	r.Own, r.path, r.written = ownedByMe(info), path, info.ModTime()
	return r, nil
}
