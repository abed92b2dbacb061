package process

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

// User is whom a child runs as.
type User struct {
	// UID and GID are the user's number and that of the primary group.
	UID, GID uint32
	// Groups are the supplementary groups.
	Groups []uint32
	// Name is the login name, or the number of a user that has none.
	Name string
	// Home is the home folder; "/" for a user that has none.
	Home string
}

// LookupUser finds a user by "user" or "user:group", each a name or a number. The
// group replaces the user's primary one; the supplementary groups remain. A number
// that is in no database will do together with a group: "1001:1001".
//
// The error says what is not known, in words for the author of name. A program
// built without cgo knows users and groups from /etc/passwd and /etc/group only.
func LookupUser(name string) (*User, error) {
	userName, groupName, grouped := strings.Cut(name, ":")
	if userName == "" || grouped && groupName == "" {
		return nil, fmt.Errorf("look up user %q: write user or user:group", name)
	}
	account, err := lookupAccount(userName)
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	var u *User
	switch {
	case account != nil:
		u, err = newUser(account)
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

// lookupAccount finds the entry of a name or number; nil if a number has none.
func lookupAccount(name string) (*user.User, error) {
	account, err := user.Lookup(name)
	if !unknown(err) {
		return account, err
	}
	if _, err := parseID(name); err != nil {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	account, err = user.LookupId(name)
	if unknown(err) {
		return nil, nil
	}
	return account, err
}

// unknown reports whether an error is that of somebody who is not in the
// database, or of there being no database, as in a container of one program.
func unknown(err error) bool {
	_, name := errors.AsType[user.UnknownUserError](err)
	_, id := errors.AsType[user.UnknownUserIdError](err)
	return name || id || errors.Is(err, fs.ErrNotExist)
}

// newUser reads an entry.
func newUser(account *user.User) (*User, error) {
	u := &User{Name: account.Username, Home: account.HomeDir}
	if u.Home == "" {
		u.Home = "/"
	}
	var err1, err2 error
	u.UID, err1 = parseID(account.Uid)
	u.GID, err2 = parseID(account.Gid)
	groups, err3 := account.GroupIds() // with the primary one
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("%s: %w", account.Username, err)
	}
	for _, group := range groups {
		id, err := parseID(group)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", account.Username, err)
		}
		u.Groups = append(u.Groups, id)
	}
	return u, nil
}

// setGroup replaces the primary group by one with this name or number.
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

// parseID reads the number of a user or group. The highest one means "no change"
// to setuid's relatives (setreuid(2)).
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return uint32(n), err
}

// credential is what makes a child run as u; nil when nothing has to change.
// Someone who is not root may not even set the groups that are set already.
func (u *User) credential() *syscall.Credential {
	if u == nil || os.Geteuid() != 0 && int(u.UID) == os.Geteuid() && int(u.GID) == os.Getegid() {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// environ returns env with HOME, USER and LOGNAME of u. A value that is not the
// one of dynlb itself was chosen by the caller, and stays.
func (u *User) environ(env []string) []string {
	if u == nil {
		return env
	}
	for _, own := range [][2]string{{"HOME", u.Home}, {"USER", u.Name}, {"LOGNAME", u.Name}} {
		if given := lookEnv(env, own[0]); given == "" || given == os.Getenv(own[0]) {
			env = append(env, own[0]+"="+own[1])
		}
	}
	return env
}
