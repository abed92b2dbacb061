// Package htpasswd reads files of users and their passwords, as basic authentication
// uses them.
package htpasswd

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// User is a line of a file.
type User struct {
	Name string
	// Bcrypt is the hash of the password, or nil if the file has the password itself,
	// which is Plain then.
	Bcrypt []byte
	Plain  string
}

// Parse reads lines of name:password, where a password is plain, or a hash of bcrypt as
// htpasswd -B makes it. Empty lines and those that begin with # do not count. An error
// names the line, and shows no password. There is one user at least, and each name is
// there once.
func Parse(text []byte) ([]User, error) {
	var users []User
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, secret, ok := strings.Cut(line, ":")
		if !ok || name == "" || secret == "" {
			return nil, fmt.Errorf("line %d must be name:password", n)
		}
		if seen[name] {
			return nil, fmt.Errorf("line %d: the user %q is there already", n, name)
		}
		seen[name] = true
		u := User{Name: name}
		if err := u.take(secret); err != nil {
			return nil, fmt.Errorf("line %d: the password of %q %w", n, name, err)
		}
		users = append(users, u)
	}
	if len(users) == 0 {
		return nil, errors.New("there is no line name:password")
	}
	return users, nil
}

// take sets the password.
func (u *User) take(secret string) error {
	switch {
	case strings.HasPrefix(secret, "$2"):
		if _, err := bcrypt.Cost([]byte(secret)); err != nil {
			return errors.New("is not a hash of bcrypt")
		}
		u.Bcrypt = []byte(secret)
	case strings.HasPrefix(secret, "$"), strings.HasPrefix(secret, "{"):
		return errors.New("has a hash other than that of bcrypt; make one with htpasswd -B")
	default:
		u.Plain = secret
	}
	return nil
}
