package config

import (
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// existing is a path at which there is something.
func existing(field *string) Value {
	return Value{Kind: Path, decode: func(r *reader, at place, node *yaml.Node) {
		if path, _, ok := r.existing(at, node); ok {
			*field = path
		}
	}}
}

// folder is the path of a directory that exists.
func folder(field *string) Value {
	return Value{Kind: Path, decode: func(r *reader, at place, node *yaml.Node) {
		path, info, ok := r.existing(at, node)
		if !ok {
			return
		}
		if !info.IsDir() {
			r.problem(at, "must be a folder; %s is a file", displayPath(path))
			return
		}
		*field = path
	}}
}

// checked is the path of a regular file that check accepts.
func checked(field *string, check func(path string) error) Value {
	return Value{Kind: Path, decode: func(r *reader, at place, node *yaml.Node) {
		path, info, ok := r.existing(at, node)
		switch {
		case !ok:
		case info.IsDir():
			r.problem(at, "must be a file; %s is a folder", displayPath(path))
		case !info.Mode().IsRegular(): // it is read again later, which must not block
			r.problem(at, "must be a regular file; %s is not one", displayPath(path))
		default:
			if err := check(path); err != nil {
				r.problem(at, "%v", err)
				return
			}
			*field = path
		}
	}}
}

// unchecked is a path; there need not be anything at it.
func unchecked(field *string, _ func(path string) error) Value {
	return Value{Kind: Path, decode: func(r *reader, at place, node *yaml.Node) {
		if path, ok := r.path(at, node); ok {
			*field = path
		}
	}}
}

// path returns the path that node holds, as an absolute one.
func (r *reader) path(at place, node *yaml.Node) (string, bool) {
	path, ok := text(node)
	if !ok || path == "" {
		r.wrong(at, node, "a path")
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	return filepath.Clean(path), true
}

// existing returns the path that node holds, as an absolute one, and what is
// there.
func (r *reader) existing(at place, node *yaml.Node) (string, os.FileInfo, bool) {
	path, ok := r.path(at, node)
	if !ok {
		return "", nil, false
	}
	info, err := os.Stat(path)
	if err != nil {
		r.problem(at, "must exist, as seen from the config file's folder; %s: %v", displayPath(path), cause(err))
		return "", nil, false
	}
	return path, info, true
}
