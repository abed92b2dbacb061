// Package account knows the users and groups of the machine: which user an
// instance runs as, what that user may execute, and what its environment says
// about it.
//
// A nil *User is dynlb's own user: nothing of the process changes, and dynlb may
// execute what it finds. The package imports no other package of dynlb. All of
// it is safe for concurrent use as long as no User is modified.
package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// User is the user and the groups that an instance runs as.
type User struct {
	// UID and GID are the numbers of the user and of its primary group.
	UID, GID uint32
	// Groups are the supplementary groups.
	Groups []uint32
	// Name is the login name, or the number of a user without an entry.
	Name string
	// Home is the home folder; "/" for a user without one.
	Home string
}

// Lookup finds a user by "user" or "user:group", each a name or a number. The
// group replaces the primary group of the user; the supplementary groups stay. A
// number without an entry in the user database needs a group: "1001:1001".
//
// The error text is written for the author of name. A program built without cgo
// reads only /etc/passwd and /etc/group.
func Lookup(name string) (*User, error) {
	userName, groupName, grouped := strings.Cut(name, ":")
	if userName == "" || grouped && groupName == "" {
		return nil, fmt.Errorf("look up user %q: write user or user:group", name)
	}
	entry, err := lookupEntry(userName)
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	var u *User
	switch {
	case entry != nil:
		u, err = newUser(entry)
	case !grouped:
		err = fmt.Errorf("%s has no entry, and so no group; write %s:GROUP", userName, userName)
	default:
		u = &User{Name: userName, Home: "/"}
		u.UID, err = parseID(userName)
	}
	if err == nil && grouped {
		err = u.setGroup(groupName)
	}
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	return u, nil
}

// lookupEntry finds the entry of a name or number; nil if a number has none.
func lookupEntry(name string) (*user.User, error) {
	entry, err := user.Lookup(name)
	if !isUnknown(err) {
		return entry, err
	}
	if _, err := parseID(name); err != nil {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	entry, err = user.LookupId(name)
	if isUnknown(err) {
		return nil, nil
	}
	return entry, err
}

// isUnknown reports whether an error says that a user is not in the database, or
// that there is no database, as in a container that holds a single program.
func isUnknown(err error) bool {
	_, name := errors.AsType[user.UnknownUserError](err)
	_, id := errors.AsType[user.UnknownUserIdError](err)
	return name || id || errors.Is(err, fs.ErrNotExist)
}

// newUser converts an entry.
func newUser(entry *user.User) (*User, error) {
	u := &User{Name: entry.Username, Home: entry.HomeDir}
	if u.Home == "" {
		u.Home = "/"
	}
	var err1, err2 error
	u.UID, err1 = parseID(entry.Uid)
	u.GID, err2 = parseID(entry.Gid)
	groups, err3 := entry.GroupIds() // includes the primary group
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Username, err)
	}
	for _, group := range groups {
		id, err := parseID(group)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Username, err)
		}
		u.Groups = append(u.Groups, id)
	}
	return u, nil
}

// setGroup replaces the primary group by the one with this name or number.
func (u *User) setGroup(name string) error {
	text := name
	if group, err := user.LookupGroup(name); err == nil {
		text = group.Gid
	}
	id, err := parseID(text)
	if err != nil {
		return fmt.Errorf("there is no group %q", name)
	}
	u.Groups = slices.DeleteFunc(u.Groups, func(group uint32) bool { return group == u.GID })
	u.GID = id
	return nil
}

// parseID parses the number of a user or group. It rejects the highest number,
// which means "no change" to setreuid(2) and its relatives.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return uint32(n), err
}

// Credential returns what has the kernel run a child as u; nil when that changes
// nothing. Only root may set groups, even to the groups that are already set.
func (u *User) Credential() *syscall.Credential {
	if u == nil || os.Geteuid() != 0 && int(u.UID) == os.Geteuid() && int(u.GID) == os.Getegid() {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// Environ returns env with HOME, USER and LOGNAME set for u. A value that is
// neither empty nor that of dynlb's own environment was chosen by the caller, and
// stays.
func (u *User) Environ(env []string) []string {
	if u == nil {
		return env
	}
	for _, own := range [][2]string{{"HOME", u.Home}, {"USER", u.Name}, {"LOGNAME", u.Name}} {
		if value := lookEnv(env, own[0]); value == "" || value == os.Getenv(own[0]) {
			env = append(env, own[0]+"="+own[1])
		}
	}
	return env
}
