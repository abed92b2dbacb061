package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed apps
var apps embed.FS

// install writes the apps into dir and installs what the servers need: npm packages
// in dir, Debian packages where they are missing.
func install(ctx context.Context, dir string, servers []server) error {
	files, err := fs.ReadDir(apps, "apps")
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := apps.ReadFile("apps/" + file.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file.Name()), data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write app: %w", err)
		}
	}
	var npm, apt []string
	for _, s := range servers {
		npm = append(npm, s.npm...)
		for _, pinned := range s.apt {
			if name, _, _ := strings.Cut(pinned, "="); debianVersion(ctx, name) == "" && !slices.Contains(apt, pinned) {
				apt = append(apt, pinned)
			}
		}
	}
	if len(npm) > 0 {
		if err := command(ctx, dir, "npm", append([]string{"install", "--no-audit", "--no-fund", "--loglevel=error"}, npm...)...); err != nil {
			return err
		}
	}
	if len(apt) == 0 {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("run as root: apt-get install %s", strings.Join(apt, " "))
	}
	return errors.Join(command(ctx, dir, "apt-get", "update", "-qq"),
		command(ctx, dir, "apt-get", append([]string{"install", "-y", "-qq", "--no-install-recommends"}, apt...)...))
}

// command runs a program in dir, and returns its output as an error when it fails.
func command(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", program, err, output)
	}
	return nil
}

// debianVersion returns the version of an installed package, or "".
func debianVersion(ctx context.Context, name string) string {
	output, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return ""
	}
	return string(output)
}

// version returns the version of an installed server.
func (s server) version(ctx context.Context) string {
	switch {
	case len(s.npm) > 0:
		return s.npm[0][strings.LastIndex(s.npm[0], "@")+1:]
	case len(s.apt) > 0:
		name, _, _ := strings.Cut(s.apt[0], "=")
		return debianVersion(ctx, name)
	case s.command[0] == "{self}":
		return goVersion()
	}
	output, err := exec.CommandContext(ctx, s.command[0], "--version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimLeft(strings.TrimSpace(string(output)), "vPython ")
}

// find returns the command with its program found in dir or on PATH.
func (s server) find(dir string) ([]string, error) {
	words := slices.Clone(s.command)
	if words[0] == "{self}" {
		self, err := os.Executable()
		words[0] = self
		return words, err
	}
	if own := filepath.Join(dir, "node_modules", ".bin", words[0]); len(s.npm) > 0 {
		if _, err := os.Stat(own); err == nil {
			words[0] = own
			return words, nil
		}
	}
	program, err := exec.LookPath(words[0])
	if err != nil {
		return nil, fmt.Errorf("find program: %w", err)
	}
	words[0] = program
	return words, nil
}
