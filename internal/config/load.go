package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultPath is the file that is read when none is named.
const DefaultPath = "config.yaml"

// maxSize bounds the file, in bytes. A real one has a few kilobytes; the bound
// keeps a wrong path, say a log or a device, from being read into memory.
const maxSize = 1 << 20

// Load reads the configuration from the file at path, and the variable PORT
// from getenv, which is usually os.Getenv; nil means an empty environment.
//
// An empty path means [DefaultPath], and then a missing file is no error: the
// result is the defaults, with an empty Path to tell it by. Any error is an
// [*Error]; that of a named file that is missing wraps fs.ErrNotExist. Pipes and
// devices are refused but for /dev/stdin, /dev/fd/N, /proc/self/fd/N and /dev/null.
func Load(path string, getenv func(string) string) (Config, error) {
	name := cmp.Or(path, DefaultPath)
	data, err := read(name)
	switch {
	case path == "" && errors.Is(err, fs.ErrNotExist):
		return Parse("", nil, ".", getenv)
	case err != nil:
		return Config{}, fileError(name, err)
	}
	return Parse(name, data, filepath.Dir(name), getenv)
}

// Parse is [Load] for a file that was read already: name is the file's name in
// messages and the Path of the result, data its content, and dir the folder
// that relative paths in it start from. It only looks at the file system to
// see whether location and workDir exist, and what is in the files of auth.
//
// A key without a value keeps its default. Aliases stand for their values;
// merge keys and a second document are refused.
func Parse(name string, data []byte, dir string, getenv func(string) string) (Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Config{}, fileError(name, fmt.Errorf("find its folder: %w", err))
	}
	r := newReader(dir)
	r.config.Path = name
	r.config.WorkDir = dir
	if root := r.document(data); root != nil {
		r.mapping("", root, keysOf(&r.config))
	}
	if getenv != nil {
		r.override(getenv("PORT"))
	}
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
		return nil, errors.New("it is no name of a file; for standard input write /dev/stdin")
	}
	info, err := os.Stat(name) // to open a pipe would wait for its writer
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

// isStream reports whether name is what this process was given open, such as a
// pipe that a shell makes of <(command), or the empty device.
func isStream(name string) bool {
	return name == "/dev/stdin" || name == os.DevNull ||
		strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}

// fileError reports a file that cannot be read because of err.
func fileError(name string, err error) *Error {
	text := fmt.Sprintf("cannot be read: %v", reason(err))
	return &Error{File: name, Problems: []Problem{{Text: text}}, cause: err}
}

// reason returns an error of the file system without the path, for messages
// that name it already.
func reason(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
