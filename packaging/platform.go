package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A platform is a system and a processor, by their names in Go.
type platform struct{ os, arch string }

// nodeArch are the names of processors in Node.
var nodeArch = map[string]string{"amd64": "x64", "arm64": "arm64"}

func parsePlatform(name string) (platform, error) {
	system, arch, _ := strings.Cut(name, "/")
	if (system != "linux" && system != "darwin") || nodeArch[arch] == "" {
		return platform{}, fmt.Errorf("platform %q: there are linux and darwin, each with amd64 and arm64", name)
	}
	return platform{system, arch}, nil
}

// String returns the platform as part of a file name.
func (p platform) String() string { return p.os + "-" + p.arch }

// env is what has the go command work for the platform.
func (p platform) env() []string {
	return []string{"GOOS=" + p.os, "GOARCH=" + p.arch, "CGO_ENABLED=0"}
}

// tags are the build tags of the binary; the Makefile says why.
const tags = "-tags=grpcnotrace"

// build builds the binary for a platform and returns its path.
func (r *release) build(ctx context.Context, p platform) (string, error) {
	path, err := filepath.Abs(filepath.Join(r.out, "bin", p.String(), "dynlb"))
	if err != nil {
		return "", err
	}
	_, err = command(ctx, r.root, p.env(), "go", "build", tags, "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+r.tag, "-o", path, "./cmd/dynlb")
	return path, err
}

var (
	described = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)(-.*)?$`)
	foreign   = regexp.MustCompile(`[^0-9A-Za-z.-]+`)
)

// semantic returns the version of the packages for one that `git describe` gives: "v1.2.3",
// "v1.2.3-4-gabcdef", "abcdef-dirty".
func semantic(tag string) (string, error) {
	if tag == "" {
		return "", errors.New("-version is missing")
	}
	if m := described.FindStringSubmatch(tag); m != nil {
		return m[1] + foreign.ReplaceAllString(m[2], "-"), nil
	}
	return "0.0.0-g" + foreign.ReplaceAllString(tag, "-"), nil
}

// command runs a program in a folder and returns its output.
func command(ctx context.Context, dir string, env []string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, strings.TrimSpace(errs.String()))
	}
	return string(output), nil
}
