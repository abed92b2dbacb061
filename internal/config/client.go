package config

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// Client is what of the configuration tells where a running dynlb is, and how to
// be let in.
type Client struct {
	// Path is the file the values came from, as it was named. It is empty if
	// there was none and the values are the defaults.
	Path string

	// Admin is the host:port of the gRPC control listener, as [Config] has it.
	Admin string

	// Auth names files as absolute paths. Nothing is said of what is there.
	Auth Auth
}

// LoadClient reads no more than [Client] has of the file at path, and looks at no
// file that it names: whatever else is wrong with it, a dynlb that runs on it, or
// on what it was before, is to be found. For the path and the errors it is like
// [Load].
func LoadClient(path string) (Client, error) {
	name := cmp.Or(path, DefaultPath)
	data, err := read(name)
	switch {
	case path == "" && errors.Is(err, fs.ErrNotExist):
		return Client{Admin: Default().Admin}, nil
	case err != nil:
		return Client{}, fileError(name, err)
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return Client{}, fileError(name, err)
	}
	r := newReader(dir)
	c := &r.config
	if root := r.document(data); root != nil {
		keys := []key{
			{name: "admin", decode: address(&c.Admin)},
			{name: "auth", keys: authKeys(&c.Auth, named)},
		}
		r.mapping("", only(root, keys), keys)
	}
	if len(r.problems) > 0 {
		sortProblems(r.problems)
		return Client{}, &Error{File: name, Problems: r.problems}
	}
	return Client{Path: name, Admin: c.Admin, Auth: c.Auth}, nil
}

// only returns a mapping with no other keys than those of the table.
func only(node *yaml.Node, table []key) *yaml.Node {
	out := *node
	out.Content = nil
	for pair := range slices.Chunk(node.Content, 2) {
		if _, ok := find(table, pair[0].Value); ok && pair[0].Kind == yaml.ScalarNode {
			out.Content = append(out.Content, pair...)
		}
	}
	return &out
}
