package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
)

// manifest is a package.json, in the order in which it is written.
type manifest struct {
	Name                 string            `json:"name"`
	Version              string            `json:"version"`
	Description          string            `json:"description"`
	License              string            `json:"license"`
	Repository           string            `json:"repository"`
	Bin                  map[string]string `json:"bin,omitempty"`
	OS                   []string          `json:"os,omitempty"`
	CPU                  []string          `json:"cpu,omitempty"`
	PreferUnplugged      bool              `json:"preferUnplugged,omitempty"`
	Files                []string          `json:"files"`
	Engines              map[string]string `json:"engines,omitempty"`
	OptionalDependencies map[string]string `json:"optionalDependencies,omitempty"`
}

// npm makes the packages for npm: one with the binary for each platform, and dynlb, which
// depends on all of them and starts the one that npm has installed. Each becomes a folder
// and a tarball.
func (r *release) npm(ctx context.Context) error {
	folder := filepath.Join(r.out, "npm")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	base := manifest{
		Version: r.version, License: "MIT", Repository: "github:dynlb/dynlb",
		Description: "Run instances of an app, scale them with the load, and balance HTTP over them",
	}
	whole := base
	whole.Name, whole.Bin, whole.Files = "dynlb", map[string]string{"dynlb": "bin/dynlb.js"}, []string{"bin"}
	whole.Engines = map[string]string{"node": ">=18"}
	whole.OptionalDependencies = map[string]string{}
	for _, p := range r.platforms {
		own := base
		own.Name = "@dynlb/" + p.os + "-" + nodeArch[p.arch]
		own.OS, own.CPU, own.Files = []string{p.os}, []string{nodeArch[p.arch]}, []string{"bin", noticesFile}
		own.PreferUnplugged = true // Yarn would keep the binary in a zip file
		whole.OptionalDependencies[own.Name] = r.version
		if err := r.platformPackage(ctx, filepath.Join(folder, p.String()), p, &own); err != nil {
			return err
		}
	}
	main := filepath.Join(folder, "dynlb")
	for to, from := range map[string]string{"bin/dynlb.js": "packaging/npm/dynlb.js", "README.md": "packaging/npm/README.md", "LICENSE": "LICENSE"} {
		if err := copyFile(filepath.Join(main, to), r.path(from), 0o755); err != nil {
			return err
		}
	}
	return r.pack(ctx, main, &whole)
}

// platformPackage makes the package for a platform.
func (r *release) platformPackage(ctx context.Context, folder string, p platform, m *manifest) error {
	binary, err := r.build(ctx, p)
	if err != nil {
		return err
	}
	notices, err := r.notices(ctx, p)
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(folder, "bin", "dynlb"), binary, 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(folder, "LICENSE"), r.path("LICENSE"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, noticesFile), notices.text(), 0o644); err != nil {
		return err
	}
	return r.pack(ctx, folder, m)
}

// pack writes the package.json of a folder, and the tarball beside the folder.
func (r *release) pack(ctx context.Context, folder string, m *manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "package.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	_, err = command(ctx, filepath.Dir(folder), nil, "npm", "pack", "--ignore-scripts", "--loglevel=error", "./"+filepath.Base(folder))
	return err
}

// copyFile copies a file to a path, whose folder is made.
func copyFile(to, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}
