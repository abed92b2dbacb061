package config

import (
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// file reads a path that exists.
func file(field *string) decoder {
	return func(r *reader, at place, node *yaml.Node) {
		if path, _, ok := r.path(at, node); ok {
			*field = path
		}
	}
}

// folder reads the path of a directory that exists.
func folder(field *string) decoder {
	return func(r *reader, at place, node *yaml.Node) {
		path, info, ok := r.path(at, node)
		if !ok {
			return
		}
		if !info.IsDir() {
			r.problem(at, "must be a folder; %s is a file", displayPath(path))
			return
		}
		*field = path
	}
}

// named reads a path, whatever is there.
func named(field *string, _ func(path string) error) decoder {
	return func(r *reader, at place, node *yaml.Node) {
		if path, ok := r.name(at, node); ok {
			*field = path
		}
	}
}

// name returns what node names, as an absolute path.
func (r *reader) name(at place, node *yaml.Node) (string, bool) {
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

// path returns what node names, as an absolute path, and what is there.
func (r *reader) path(at place, node *yaml.Node) (string, os.FileInfo, bool) {
	path, ok := r.name(at, node)
	if !ok {
		return "", nil, false
	}
	info, err := os.Stat(path)
	if err != nil {
		r.problem(at, "must exist, as seen from the config file's folder; %s: %v", displayPath(path), reason(err))
		return "", nil, false
	}
	return path, info, true
}
