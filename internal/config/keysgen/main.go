// Command keysgen writes what is generated from the description of the config
// keys: config.schema.json, config.yaml and the table of keys in README.md. It
// takes the root of the repository as its argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dynlb/dynlb/internal/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: keysgen ROOT")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "keysgen:", err)
		os.Exit(1)
	}
}

// write brings the files below root up to date.
func write(root string) error {
	for _, f := range files() {
		path := filepath.Join(root, f.name)
		before, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.name, err)
		}
		after, err := f.generate(before, config.Keys())
		if err != nil {
			return fmt.Errorf("generate %s: %w", f.name, err)
		}
		if err := os.WriteFile(path, after, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

// file is a file of the repository, all or part of which is generated.
type file struct {
	name string
	// generate returns the content of the file, given what it is now.
	generate func(before []byte, keys []config.Key) ([]byte, error)
}

func files() []file {
	return []file{
		{"config.schema.json", schema},
		{"config.yaml", sample},
		{"README.md", table},
	}
}
