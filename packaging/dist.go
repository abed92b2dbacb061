package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A file is one of an archive or a package.
type file struct {
	name string // in the archive
	data []byte
	mode int64
}

// dist makes the archives, the packages of Linux distributions, the list of components of
// each binary, and the checksums of all.
func (r *release) dist(ctx context.Context) error {
	folder := filepath.Join(r.out, "release")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range r.platforms {
		binary, err := r.build(ctx, p)
		if err != nil {
			return err
		}
		all, err := r.notices(ctx, p)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("dynlb_%s_%s", r.version, p)
		sbom, err := r.sbom(p, all)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name+".cdx.json"), sbom, 0o644); err != nil {
			return err
		}
		if err := r.archive(folder, name, binary, all); err != nil {
			return err
		}
		if p.os == "linux" {
			if err := r.linuxPackages(ctx, folder, p, binary, all); err != nil {
				return err
			}
		}
	}
	return checksums(folder)
}

// archive makes the archive with the binary.
func (r *release) archive(folder, name, binary string, all components) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	files := []file{{"dynlb", program, 0o755}, {noticesFile, all.text(), 0o644}}
	for _, path := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(r.path(path))
		if err != nil {
			return err
		}
		files = append(files, file{path, data, 0o644})
	}
	var b bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name + "/" + f.name, Size: int64(len(f.data)), Mode: f.mode, ModTime: r.date, Format: tar.FormatUSTAR}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		if _, err := writer.Write(f.data); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".tar.gz"), b.Bytes(), 0o644)
}

// checksums writes the file that `sha256sum --check` reads.
func checksums(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), e.Name()))
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}
