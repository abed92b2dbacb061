package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

func TestMain(m *testing.M) { daemontest.Main(m, func([]string) int { return 1 }) }

// newRelease is a release of this platform, in a folder of the test, whose path has a space.
func newRelease(t *testing.T) *release {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a binary")
	}
	p, err := parsePlatform(runtime.GOOS + "/" + runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	return &release{root: "..", out: filepath.Join(t.TempDir(), "a release"), version: "1.2.3", tag: "v1.2.3", platforms: []platform{p}, date: time.Unix(1_800_000_000, 0).UTC()}
}

func TestSemantic(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"v1.2.3": "1.2.3", "1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3-4-gabcdef-dirty": "1.2.3-4-gabcdef-dirty", "abcdef": "0.0.0-gabcdef", "devel": "0.0.0-gdevel",
	} {
		if got, err := semantic(tag); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", tag, got, err, want)
		}
	}
}

// TestNPM: the packages are installed from their tarballs without a network and without an
// install script, npx starts dynlb, and a signal to it ends all.
func TestNPM(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	if err := r.npm(t.Context()); err != nil {
		t.Fatal(err)
	}
	tarballs, err := filepath.Glob(filepath.Join(r.out, "npm", "*.tgz"))
	if err != nil || len(tarballs) != 2 {
		t.Fatalf("tarballs %q, %v", tarballs, err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"package.json": "{}",
		"app.js":       `require("http").createServer((q, r) => r.end("hello")).listen(process.env.PORT)`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := slices.Concat([]string{"npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", t.TempDir()}, tarballs)
	if _, err := command(t.Context(), dir, nil, install...); err != nil {
		t.Fatal(err)
	}
	if got, err := command(t.Context(), dir, nil, "npx", "--no-install", "dynlb", "version"); err != nil || !strings.HasPrefix(got, "dynlb v1.2.3 (") {
		t.Errorf("npx dynlb version: %q, %v", got, err)
	}
	serve(t, dir)
}

// serve runs npx dynlb serve app.js in a folder, and ends it.
func serve(t *testing.T, dir string) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", daemontest.PortRange(t))
	ctx, cancel := context.WithTimeout(t.Context(), daemontest.Within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node_modules/.bin/dynlb", "serve", "--listen", address, "app.js")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	var log daemontest.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "an answer of app.js", func() bool {
		response, err := http.Get("http://" + address)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return err == nil && string(body) == "hello"
	})
	http.DefaultClient.CloseIdleConnections()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, log.String())
	}
	if _, err := http.Get("http://" + address); err == nil {
		t.Error("dynlb still answers after the end of its launcher")
	}
}

// TestDist: the archive, the packages, the list of components and the checksums are whole,
// and a second run gives the same bytes.
func TestDist(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	if err := r.dist(t.Context()); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(r.out, "release")
	name := "dynlb_1.2.3_" + r.platforms[0].String()
	binary := filepath.Join(r.out, "bin", r.platforms[0].String(), "dynlb")
	checkArchive(t, filepath.Join(folder, name+".tar.gz"), name, binary)
	if strings.Contains(readFile(t, binary), "text/template.(*state)") {
		t.Error("the binary has text/template, unlike that of make build")
	}
	checkChecksums(t, folder)
	checkComponents(t, r, binary)
	if runtime.GOOS == "linux" {
		checkDebian(t, filepath.Join(folder, name+".deb"))
	}
	again := *r
	again.out = t.TempDir()
	if err := again.dist(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := readFile(t, filepath.Join(folder, "SHA256SUMS")), readFile(t, filepath.Join(again.out, "release", "SHA256SUMS"))
	if first != second {
		t.Errorf("a second run has other bytes:\n%s\n%s", first, second)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkArchive compares the files of an archive with their sources.
func checkArchive(t *testing.T, path, name, binary string) {
	t.Helper()
	compressed, err := gzip.NewReader(strings.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"dynlb": binary, "LICENSE": "../LICENSE", "README.md": "../README.md", "CHANGELOG.md": "../CHANGELOG.md", noticesFile: ""}
	for reader := tar.NewReader(compressed); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		own := strings.TrimPrefix(header.Name, name+"/")
		source, ok := sources[own]
		if !ok || source != "" && readFile(t, source) != string(data) {
			t.Errorf("%s in the archive is not what %q has", header.Name, source)
		}
		delete(sources, own)
	}
	if len(sources) > 0 {
		t.Errorf("the archive lacks %v", sources)
	}
}

// checkChecksums computes the sums of SHA256SUMS again, which must have every file.
func checkChecksums(t *testing.T, folder string) {
	t.Helper()
	seen := 0
	for lines := bufio.NewScanner(strings.NewReader(readFile(t, filepath.Join(folder, "SHA256SUMS")))); lines.Scan(); seen++ {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(readFile(t, filepath.Join(folder, name))))); got != sum {
			t.Errorf("%s has the sum %s, want %s", name, got, sum)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != seen+1 {
		t.Errorf("%d files have sums, of %d, %v", seen, len(entries)-1, err)
	}
}

// checkComponents: every module that the linker has put into the binary is a component, with
// its license in the notices.
func checkComponents(t *testing.T, r *release, binary string) {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.notices(t.Context(), r.platforms[0])
	if err != nil {
		t.Fatal(err)
	}
	text := all.text()
	for _, module := range info.Deps {
		has := func(c component) bool {
			return c.name == module.Path && c.version == module.Version && len(c.texts) > 0
		}
		if !slices.ContainsFunc(all, has) || !bytes.Contains(text, []byte("\n"+module.Path+" "+module.Version+" (")) {
			t.Errorf("%s %s is in the binary, and its license is not in the notices", module.Path, module.Version)
		}
	}
	for _, name := range []string{"std", "preact", "uplot"} {
		if !slices.ContainsFunc(all, func(c component) bool { return c.name == name }) {
			t.Errorf("the license of %s is not in the notices", name)
		}
	}
}

// checkDebian unpacks a package for Debian in a folder, without its scripts, and looks at
// what there is.
func checkDebian(t *testing.T, path string) {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Log(err)
		return
	}
	root := t.TempDir()
	inRoot := func(path string) string { return root + "/" + path }
	if _, err := command(t.Context(), root, nil, "dpkg-deb", "-x", path, root); err != nil {
		t.Fatal(err)
	}
	if got, err := command(t.Context(), root, nil, inRoot("usr/bin/dynlb"), "version"); err != nil || !strings.HasPrefix(got, "dynlb v1.2.3") {
		t.Errorf("the program of the package: %q, %v", got, err)
	}
	if _, err := command(t.Context(), root, nil, inRoot("usr/bin/dynlb"), "check", inRoot("etc/dynlb/config.yaml")); err != nil {
		t.Error(err)
	}
	if _, err := command(t.Context(), root, nil, "bash", "-c", "source usr/share/bash-completion/completions/dynlb && complete -p dynlb"); err != nil {
		t.Error(err)
	}
	if text := readFile(t, inRoot("usr/lib/systemd/system/dynlb.service")); !strings.Contains(text, "\nExecStart=/usr/bin/dynlb serve --config /etc/dynlb/config.yaml\n") {
		t.Errorf("the unit is\n%s", text)
	}
	if text := readFile(t, inRoot("usr/share/man/man1/dynlb-serve.1")); !strings.HasPrefix(text, ".TH") {
		t.Errorf("the man page is\n%s", text)
	}
	if text := readFile(t, inRoot("usr/share/doc/dynlb/"+noticesFile)); !strings.Contains(text, "Permission is hereby granted") {
		t.Error("the package has no notices")
	}
	if got, err := command(t.Context(), root, nil, "dpkg-deb", "-I", path, "conffiles"); err != nil || got != "/etc/dynlb/config.yaml\n" {
		t.Errorf("the files that an upgrade keeps are %q, %v", got, err)
	}
}

// TestClassify: a component without a known license is an error.
func TestClassify(t *testing.T) {
	t.Parallel()
	c := component{name: "x", version: "v1", texts: []string{"All rights reserved."}}
	if err := c.classify(); err == nil || err.Error() != "x v1 has no license that is known in 1 files" {
		t.Errorf("an unknown license: %v", err)
	}
	for text, want := range map[string]string{
		"Permission is hereby granted,\nfree of charge, to any\nperson obtaining a copy": "MIT",
		"Redistribution and use in source and binary forms, with or without":             "BSD-2-Clause",
		"Redistribution and use in source and binary forms. Neither the name of":         "BSD-3-Clause",
	} {
		c := component{texts: []string{text}}
		if err := c.classify(); err != nil || c.license != want {
			t.Errorf("%q: %s, %v, want %s", text, c.license, err, want)
		}
	}
}
