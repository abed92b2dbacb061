package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/systemd"
)

// unit is the service of the packages: a person writes the config.
var unit = systemd.Unit{
	Name: "dynlb", Program: "/usr/bin/dynlb", Config: "/etc/dynlb/config.yaml", WorkDir: "/etc/dynlb", User: "dynlb",
	Path:     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	LowPorts: true, Stop: 40 * time.Second, // the defaults of drainDelay, drainTimeout and stopTimeout
}

const serviceNote = "# Of the package; dynlb service install writes a service for another config.\n"

// linuxPackages makes the packages of Linux distributions.
func (r *release) linuxPackages(ctx context.Context, folder string, p platform, binary string, all components) error {
	work, err := filepath.Abs(filepath.Join(r.out, "work", p.String()))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	texts := map[string]string{noticesFile: string(all.text()), "dynlb.service": serviceNote + strings.TrimPrefix(unit.Service(), systemd.Mark)}
	host := binary // the completion is the same on all platforms
	if p.os != runtime.GOOS || p.arch != runtime.GOARCH {
		if host, err = r.build(ctx, platform{runtime.GOOS, runtime.GOARCH}); err != nil {
			return err
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if texts[shell], err = command(ctx, r.root, nil, host, "completion", shell); err != nil {
			return err
		}
	}
	if _, err := command(ctx, r.root, nil, host, "man", filepath.Join(work, "man")); err != nil {
		return err
	}
	template, err := os.ReadFile(r.path("packaging", "linux", "nfpm.yaml"))
	if err != nil {
		return err
	}
	values := map[string]string{"ARCH": p.arch, "VERSION": r.version, "DATE": r.date.Format(time.RFC3339), "BINARY": binary, "WORK": work}
	texts["nfpm.yaml"] = os.Expand(string(template), func(name string) string { return values[name] })
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	target, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	for _, kind := range []string{"deb", "rpm", "apk"} {
		name := fmt.Sprintf("dynlb_%s_%s.%s", r.version, p, kind)
		_, err := command(ctx, r.root, []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.date.Unix())},
			"go", "tool", "-modfile=tools/nfpm/go.mod", "nfpm", "package",
			"--config", filepath.Join(work, "nfpm.yaml"), "--packager", kind, "--target", filepath.Join(target, name))
		if err != nil {
			return err
		}
	}
	return nil
}
