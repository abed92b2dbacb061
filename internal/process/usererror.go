package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// explainUser says what keeps the child from running as spec.User, as explain
// does; it returns "" when that is not the problem.
func explainUser(spec Spec, file string, err error) (problem, remedy string) {
	u := spec.User
	switch {
	case errors.Is(err, syscall.EPERM) && u.credential() != nil:
		// Setting the groups or the user failed.
		if os.Geteuid() != 0 {
			return fmt.Sprintf("cannot run as %s: dynlb is not root", u.Name), "start dynlb as root, or remove user:"
		}
		return fmt.Sprintf("cannot run as %s: not permitted", u.Name), "give dynlb the capabilities CAP_SETUID and CAP_SETGID"
	case !errors.Is(err, syscall.EACCES):
		return "", ""
	}
	if spec.Dir != "" {
		if folder := u.barrier(spec.Dir); folder != "" {
			return fmt.Sprintf("cannot start in %s: %s may not enter %s", spec.Dir, u.Name, folder),
				fmt.Sprintf("set workDir: to a folder for %s, or chmod o+x %s", u.Name, folder)
		}
	}
	if problem, remedy := explainUse(u, file); problem != "" {
		return problem, remedy
	}
	if interpreter := interpreterOf(file); interpreter != "" {
		return explainUse(u, interpreter)
	}
	return "", ""
}

// explainUse says what keeps u from executing a file; "" if the permission bits
// do not.
func explainUse(u *User, file string) (problem, remedy string) {
	info, err := os.Stat(file)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return "", "" // nobody can
	}
	if folder := u.barrier(file); folder != "" {
		return fmt.Sprintf("%s may not run %s: not let into %s", u.Name, file, folder),
			"install it for all users, or chmod o+x " + folder
	}
	if !u.mayExecute(info) {
		return fmt.Sprintf("%s may not run %s", u.Name, file), "chmod o+rx " + file
	}
	return "", ""
}
