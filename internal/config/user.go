package config

import (
	"errors"
	"os/user"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// account is the name or number of a user of this machine, optionally followed by
// a colon and a group.
func account(field *string) Value {
	return Value{Kind: Account, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := word(node)
		name, group, grouped := strings.Cut(s, ":")
		switch {
		case !ok || name == "" || grouped && group == "":
			r.wrong(at, node, "a user, such as app or 1000, or a user and a group, such as app:www")
		case !userExists(name):
			r.problem(at, "must be a user of this machine; there is no user %s", display(name))
		case grouped && !groupExists(group):
			r.problem(at, "must be a group of this machine; there is no group %s", display(group))
		case !grouped && !hasEntry(name):
			r.problem(at, "must name a group too: user %s has no entry on this machine and therefore no group; write %s:GROUP", name, name)
		default:
			*field = s
		}
	}}
}

// userExists reports whether the user exists. Every number does, even without a
// name.
func userExists(name string) bool {
	if isID(name) {
		return true
	}
	_, err := user.Lookup(name)
	_, unknown := errors.AsType[user.UnknownUserError](err)
	return !unknown
}

// hasEntry reports whether the user database has an entry for a user that exists,
// which names its groups.
func hasEntry(name string) bool {
	if !isID(name) {
		return true
	}
	if _, err := user.Lookup(name); err == nil {
		return true
	}
	_, err := user.LookupId(name)
	return err == nil
}

func groupExists(name string) bool {
	if isID(name) {
		return true
	}
	_, err := user.LookupGroup(name)
	_, unknown := errors.AsType[user.UnknownGroupError](err)
	return !unknown
}

func isID(name string) bool {
	_, err := strconv.ParseUint(name, 10, 32)
	return err == nil
}
