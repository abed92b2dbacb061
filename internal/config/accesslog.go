package config

import (
	"os"
	"path/filepath"
	"syscall"

	"gopkg.in/yaml.v3"
)

// AccessLog says which requests are logged where.
type AccessLog struct {
	// To is an absolute path, or stdout. Empty: there is no access log.
	To string
	// Format is json or combined.
	Format string
	// Query tells that queries are logged.
	Query bool
	// MaxSize is in bytes. Keep is 0 for no limit.
	MaxSize int64
	Keep    int
}

// Stdout is the AccessLog.To that stands for standard output.
const Stdout = "stdout"

// appended is the path of a file that is appended to, or stdout. The file need not be
// there, its folder must.
func appended(field *string) Value {
	var path string // empty: it has a problem
	value := fileOr(&path, Stdout)
	decode := value.decode
	value.decode = func(r *reader, at place, node *yaml.Node) {
		path = ""
		decode(r, at, node)
		if path == Stdout || path != "" && r.appendable(at, path) {
			*field = path
		}
	}
	return value
}

// appendable reports whether there can be a file at path to append to.
func (r *reader) appendable(at place, path string) bool {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		r.problem(at, "must be a file; %s is a folder", displayPath(path))
	case err == nil && !info.Mode().IsRegular(): // a pipe would block, and cannot be rotated
		r.problem(at, "must be a regular file; %s is not one", displayPath(path))
	case err == nil:
		return r.writable(at, path)
	default:
		folder := filepath.Dir(path)
		if info, err := os.Stat(folder); err != nil {
			r.problem(at, "must be in a folder that exists; %s: %v", displayPath(folder), cause(err))
		} else if !info.IsDir() {
			r.problem(at, "must be in a folder; %s is not one", displayPath(folder))
		} else {
			return r.writable(at, folder)
		}
	}
	return false
}

// mayWrite is W_OK of access(2).
const mayWrite = 2

// writable reports whether this process may write to what there is at path.
func (r *reader) writable(at place, path string) bool {
	if err := syscall.Access(path, mayWrite); err != nil {
		r.problem(at, "must be writable for dynlb; %s: %v", displayPath(path), err)
		return false
	}
	return true
}

// accessLogs checks that all logs in the same file are rotated in the same way.
func (r *reader) accessLogs() {
	scopes := []scope{r.scope("", &r.config.App)}
	for i := range r.config.Apps {
		a := &r.config.Apps[i]
		scopes = append(scopes, r.scope("apps."+a.Name+".", a))
	}
	for i, s := range scopes {
		for _, before := range scopes[:i] {
			if !s.rotatesAs(before) {
				return
			}
		}
	}
}

// rotatesAs reports whether the log of s is rotated as that of before, unless it is another
// file or has a problem already.
func (s scope) rotatesAs(before scope) bool {
	const size, keep = "accessLog.maxSize", "accessLog.keep"
	one, other := &before.app.AccessLog, &s.app.AccessLog
	if one.To != other.To || one.To == "" || one.To == Stdout ||
		!s.good(s.key("accessLog.to"), s.key(size), s.key(keep), before.key(size), before.key(keep)) {
		return true
	}
	var differs string
	switch {
	case one.MaxSize != other.MaxSize:
		differs = size
	case one.Keep != other.Keep:
		differs = keep
	default:
		return true
	}
	at, _ := s.later(before.key(differs), s.key(differs))
	s.problem(at, "must be the same for all apps that log to %s", displayPath(one.To))
	return false
}
