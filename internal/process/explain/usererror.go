package explain

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

// explainUser says what keeps the child from running as c.User, and what would
// help. The problem is "" when the user is not the cause.
func explainUser(c Command, err error) (problem, remedy string) {
	u := c.User
	switch {
	case errors.Is(err, syscall.EPERM) && u.Credential() != nil:
		// The kernel did not let dynlb set the groups or the user.
		if os.Geteuid() != 0 {
			return fmt.Sprintf("cannot run as %s: dynlb is not root", u.Name), "start dynlb as root, or remove user:"
		}
		return fmt.Sprintf("cannot run as %s: not permitted", u.Name), "give dynlb the capabilities CAP_SETUID and CAP_SETGID"
	case !errors.Is(err, syscall.EACCES):
		return "", ""
	}
	if c.Dir != "" {
		if dir := u.Barrier(c.Dir); dir != "" {
			return fmt.Sprintf("cannot start in %s: %s may not enter %s", c.Dir, u.Name, dir),
				fmt.Sprintf("set workDir: to a folder for %s, or chmod o+x %s", u.Name, dir)
		}
	}
	if problem, remedy := explainAccess(u, c.File); problem != "" {
		return problem, remedy
	}
	if interpreter := interpreterOf(c.File); interpreter != "" {
		return explainAccess(u, interpreter)
	}
	return "", ""
}

// explainAccess says what keeps u from executing a file that other users may
// execute. The problem is "" when the permission bits do not.
func explainAccess(u *account.User, file string) (problem, remedy string) {
	info, err := os.Stat(file)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return "", ""
	}
	if dir := u.Barrier(file); dir != "" {
		return fmt.Sprintf("%s may not run %s: it may not enter %s", u.Name, file, dir),
			"install it for all users, or chmod o+x " + dir
	}
	if !u.MayExecute(info) {
		return fmt.Sprintf("%s may not run %s", u.Name, file), "chmod o+rx " + file
	}
	return "", ""
}
