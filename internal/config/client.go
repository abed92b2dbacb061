package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// Client is the part of the configuration that client commands need: the address
// of a running dynlb, and the credentials for it.
type Client struct {
	// Path is the file the values came from, as it was named. It is empty if
	// there was no file and the values are the defaults.
	Path string

	// Admin is the host:port of the gRPC control listener, as in [Config].
	Admin string

	// Auth names files as absolute paths. They were not checked.
	Auth Auth
}

// LoadClient reads only the keys of [Client] from the file at path, and opens none
// of the files that they name. Whatever else is wrong with the file, clients must
// be able to reach a dynlb that runs with it or with an earlier version of it. The
// path and the errors are those of [Load].
func LoadClient(path string) (Client, error) {
	name := pathOr(path)
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
	r := newReader(dir, os.Getenv)
	c := &r.config
	if root := r.document(data); root != nil {
		keys := []Key{
			{Name: "admin", Value: address(&c.Admin)},
			{Name: "auth", Keys: authKeys(&c.Auth, unchecked)},
		}
		r.readClientVariables(root)
		r.mapping("", only(root, keys), keys)
		if _, ok := r.set["admin"]; !ok {
			c.Admin = r.followedAdmin(root)
		}
	}
	if len(r.problems) > 0 {
		sortProblems(r.problems)
		return Client{}, &Error{File: name, Problems: r.problems}
	}
	return Client{Path: name, Admin: c.Admin, Auth: c.Auth}, nil
}

// readClientVariables reads envFile if that is possible: what the keys of a client do not
// use does not matter to it, and it may run as a user who must not read the file.
func (r *reader) readClientVariables(root *yaml.Node) {
	service := newReader(r.dir, r.source.getenv)
	service.readVariables("", root, &service.config.App)
	r.source = service.source
}

// only returns a mapping without the keys that are not in the table.
func only(node *yaml.Node, table []Key) *yaml.Node {
	out := *node
	out.Content = nil
	for pair := range slices.Chunk(node.Content, 2) {
		if _, ok := find(table, pair[0].Value); ok && pair[0].Kind == yaml.ScalarNode {
			out.Content = append(out.Content, pair...)
		}
	}
	return &out
}
