package state

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Base returns the folder in which dynlb keeps what outlives it: the one that systemd made
// for the service (STATE_DIRECTORY, systemd.exec(5)), which is for one dynlb alone, or else
// $XDG_STATE_HOME/dynlb or ~/.local/state/dynlb (XDG Base Directory Specification 0.8),
// which all dynlb of a user share. getenv is usually os.Getenv. The error says that the
// environment names no place.
func Base(getenv func(string) string) (path string, alone bool, err error) {
	if first, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(first) {
		return first, true, nil
	}
	home := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(home) { // a relative path is to be ignored
		user := getenv("HOME")
		if !filepath.IsAbs(user) {
			return "", false, errors.New("neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME is set")
		}
		home = filepath.Join(user, ".local", "state")
	}
	return filepath.Join(home, "dynlb"), false, nil
}

// Default returns the folder of a dynlb with a config file: its Base or, in one that is
// shared, a folder with a name of its own for each config file.
//
// Several dynlb may share a config file if PORT tells them apart, so that is part of the
// name.
func Default(getenv func(string) string, config string) (string, error) {
	base, alone, err := Base(getenv)
	if err != nil || alone {
		return base, err
	}
	config, err = filepath.Abs(config)
	if err != nil {
		return "", fmt.Errorf("find the config file: %w", err)
	}
	return filepath.Join(base, nameOf(config, getenv("PORT"))), nil
}

// nameOf returns the name of the folder of a config file: that of the folder it is in,
// for people, and part of a hash of its path.
func nameOf(config, port string) string {
	key := config
	if port != "" {
		key += "\x00" + port
	}
	sum := sha256.Sum256([]byte(key))
	base := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			return c
		default:
			return '-'
		}
	}, filepath.Base(filepath.Dir(config)))
	return fmt.Sprintf("%s-%x", base, sum[:4])
}
