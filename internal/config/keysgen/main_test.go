package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
)

// TestFilesAreFresh compares the generated files with the description of the keys.
func TestFilesAreFresh(t *testing.T) {
	t.Parallel()
	for _, f := range files() {
		before, err := os.ReadFile(filepath.Join("..", "..", "..", f.name))
		if err != nil {
			t.Fatal(err)
		}
		after, err := f.generate(before, config.Keys())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("%s differs from the description of the keys in internal/config/keys.go; change that, and run make generate", f.name)
		}
	}
}

// TestTableNeedsItsPlace keeps a README without the marks from being replaced.
func TestTableNeedsItsPlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", tableStart, tableEnd, tableEnd + tableStart} {
		if got, err := table([]byte(text), config.Keys()); err == nil {
			t.Errorf("table of %q = %q, want an error", text, got)
		}
	}
}

func TestTakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value config.Value
		want  string
	}{
		{config.Value{Kind: config.Integer, Min: 1, Max: 9}, "1 to 9"},
		{config.Value{Kind: config.Integer, Max: 1<<31 - 1}, "0 or more"},
		{config.Value{Kind: config.Integer, Max: 9, Auto: true}, "`auto`, or 0 to 9"},
		{config.Value{Kind: config.Number, Above: true}, "number above 0"},
		{config.Value{Kind: config.Number, Max: 1}, "number, 0 to 1"},
		{config.Value{Kind: config.Duration, Min: 1000}, "duration, at least 1s"},
		{config.Value{Kind: config.Size, Min: 100, Max: 3 << 20}, "size, 100B to 3MiB"},
		{config.Value{Kind: config.Size, Min: 1 << 20, Zero: true}, "0, or a size of at least 1MiB"},
	} {
		if got := takes(test.value); got != test.want {
			t.Errorf("takes(%+v) = %q, want %q", test.value, got, test.want)
		}
	}
}
