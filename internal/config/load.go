package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultPath is the file that is read when no file is named; see [FindDefault].
const DefaultPath = "config.yaml"

// otherDefaultPath is read in place of DefaultPath if only it exists.
const otherDefaultPath = "config.yml"

// FindDefault returns the file that is read when no file is named: config.yml if that
// exists and [DefaultPath] does not, and DefaultPath otherwise.
func FindDefault() string {
	if _, err := os.Stat(DefaultPath); !errors.Is(err, fs.ErrNotExist) {
		return DefaultPath
	}
	if _, err := os.Stat(otherDefaultPath); err == nil {
		return otherDefaultPath
	}
	return DefaultPath
}

// pathOr returns path, or the default one if it is empty.
func pathOr(path string) string {
	if path == "" {
		return FindDefault()
	}
	return path
}

// maxSize bounds the file, in bytes. A configuration has a few kilobytes; the bound
// keeps dynlb from reading a large log or a device into memory after a slip in the
// path.
const maxSize = 1 << 20

// Load reads the configuration from the file at path, and the variable PORT
// from getenv, which is usually os.Getenv; nil means an empty environment.
//
// An empty path means that of [FindDefault]. If that file does not exist, Load returns the
// defaults, with an empty Path. Every error is an [*Error]; when a named file does
// not exist, it wraps fs.ErrNotExist. Pipes and devices are refused, except for
// /dev/stdin, /dev/fd/N, /proc/self/fd/N and /dev/null.
func Load(path string, getenv func(string) string) (Config, error) {
	name := pathOr(path)
	data, err := read(name)
	switch {
	case path == "" && errors.Is(err, fs.ErrNotExist):
		return Parse("", nil, ".", getenv)
	case err != nil:
		return Config{}, fileError(name, err)
	}
	return Parse(name, data, filepath.Dir(name), getenv)
}

// Parse is [Load] for a file that was already read: name is the file's name in
// messages and the Path of the result, data is its content, and relative paths in
// it start from dir. It accesses the file system only for location and workDir,
// which must exist, and for the files of auth, which it reads.
//
// A key without a value keeps its default. Aliases are supported; merge keys and a
// second document are refused.
func Parse(name string, data []byte, dir string, getenv func(string) string) (Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Config{}, fileError(name, fmt.Errorf("find its folder: %w", err))
	}
	r := newReader(dir, getenv)
	r.config.Path = name
	r.config.WorkDir = dir
	if root := r.document(data); root != nil {
		r.readVariables("", root, &r.config.App)
		r.mapping("", root, keysOf(&r.config))
	}
	r.followListen()
	if getenv != nil {
		r.override(getenv("PORT"))
	}
	r.readApps()
	r.validate()
	if len(r.problems) > 0 {
		sortProblems(r.problems)
		return Config{}, &Error{File: name, Problems: r.problems}
	}
	return r.config, nil
}

// read returns the content of the file, and one byte too many if it is larger
// than maxSize.
func read(name string) ([]byte, error) {
	if name == "-" {
		return nil, errors.New("is not the name of a file; for standard input write /dev/stdin")
	}
	info, err := os.Stat(name) // opening a pipe would wait for its writer
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() && !info.IsDir() && !isStream(name):
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

// isStream reports whether name is a descriptor of this process, such as the pipe
// that a shell makes of <(command), or the empty device.
func isStream(name string) bool {
	return name == "/dev/stdin" || name == os.DevNull ||
		strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}

// fileError reports a file that cannot be read because of err.
func fileError(name string, err error) *Error {
	text := fmt.Sprintf("cannot be read: %v", cause(err))
	return &Error{File: name, Problems: []Problem{{Text: text}}, cause: err}
}

// cause returns an error of the file system without the path, for messages that
// name the path themselves.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
