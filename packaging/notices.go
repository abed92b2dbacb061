package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// noticesFile has the licenses of what is in the binary and is not dynlb's own.
const noticesFile = "THIRD_PARTY_NOTICES.txt"

// A component is a part of the binary that others have made.
type component struct {
	name, version string
	url           string   // a package URL
	license       string   // the identifiers of SPDX
	texts         []string // the licenses and notices
}

// components are all of a platform, sorted by name.
type components []component

// licenseName matches the files that hold a license or a notice.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([._-].*)?$`)

// goPackage is a package of the binary, as `go list` describes it.
type goPackage struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path, Version, Dir string }
	}
}

// notices returns the components of the binary for a platform.
func (r *release) notices(ctx context.Context, p platform) (components, error) {
	output, err := command(ctx, r.root, p.env(), "go", "list", tags, "-deps", "-json=Dir,Standard,Module", "./cmd/dynlb")
	if err != nil {
		return nil, err
	}
	folders := map[string]map[string]bool{} // of licenses, by module and version
	for decoder := json.NewDecoder(strings.NewReader(output)); ; {
		var g goPackage
		if err := decoder.Decode(&g); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read the packages: %w", err)
		}
		if g.Standard || g.Module == nil || g.Module.Main {
			continue
		}
		key := g.Module.Path + " " + g.Module.Version
		if folders[key] == nil {
			folders[key] = map[string]bool{}
		}
		for dir := g.Dir; len(dir) >= len(g.Module.Dir); dir = filepath.Dir(dir) {
			folders[key][dir] = true // a package may have a license of its own
		}
	}
	all, err := r.goroot(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(folders)) {
		path, version, _ := strings.Cut(key, " ")
		c := component{name: path, version: version, url: "pkg:golang/" + path + "@" + version}
		for _, dir := range slices.Sorted(maps.Keys(folders[key])) {
			if err := c.read(dir); err != nil {
				return nil, err
			}
		}
		all = append(all, c)
	}
	web, err := r.webComponents()
	if err != nil {
		return nil, err
	}
	all = append(all, web...)
	for i := range all {
		if err := all[i].classify(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// goroot returns the standard library as a component.
func (r *release) goroot(ctx context.Context) (components, error) {
	output, err := command(ctx, r.root, nil, "go", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(output), "\n")
	version = strings.TrimPrefix(version, "go")
	c := component{name: "std", version: version, url: "pkg:golang/std@" + version}
	err = c.read(root)
	return components{c}, err
}

// webComponents are what the dashboard is built with.
func (r *release) webComponents() (components, error) {
	data, err := os.ReadFile(r.path("web", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("read web/package-lock.json: %w", err)
	}
	var all components
	for _, folder := range slices.Sorted(maps.Keys(lock.Packages)) {
		p := lock.Packages[folder]
		name, ok := strings.CutPrefix(folder, "node_modules/")
		if !ok || p.Dev {
			continue
		}
		c := component{name: name, version: p.Version, url: "pkg:npm/" + name + "@" + p.Version}
		if err := c.read(r.path("web", folder)); err != nil {
			return nil, fmt.Errorf("%w (run npm ci in web)", err)
		}
		all = append(all, c)
	}
	return all, nil
}

// read adds the licenses and notices in a folder, each text once.
func (c *component) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenseName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		text := strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n"))
		if !slices.Contains(c.texts, text) {
			c.texts = append(c.texts, text)
		}
	}
	return nil
}

// text returns the notices as a file.
func (all components) text() []byte {
	var b bytes.Buffer
	b.WriteString("dynlb contains the following software of others, each with its license.\n")
	for _, c := range all {
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n%[1]s\n\n%[5]s\n", strings.Repeat("=", 80), c.name, c.version, c.license, strings.Join(c.texts, "\n\n"+strings.Repeat("-", 80)+"\n\n"))
	}
	return b.Bytes()
}
