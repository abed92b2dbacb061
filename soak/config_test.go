package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
)

// TestConfigs checks that dynlb accepts the configs that are valid and refuses the
// others.
func TestConfigs(t *testing.T) {
	for _, second := range []bool{false, true} {
		t.Run(fmt.Sprintf("second app %t", second), func(t *testing.T) { testConfigs(t, second) })
	}
}

func testConfigs(t *testing.T, second bool) {
	t.Helper()
	dir := t.TempDir()
	c := &configFile{path: filepath.Join(dir, "config.yaml"), command: []string{"/bin/true", "{port}"}, ledger: dir, basePort: 10000, secure: second}
	if second {
		var err error
		if c.second, err = secondText(); err != nil {
			t.Fatal(err)
		}
	}
	noEnvironment := func(string) string { return "" }
	limit := 0
	for pick := range uint32(4) {
		if err := c.change(pick); err != nil {
			t.Fatal(err)
		}
		settings, err := config.Load(c.path, noEnvironment)
		if err != nil {
			t.Fatal(err)
		}
		if settings.MaxInstances != c.max || c.max == limit || c.max < maxTarget {
			t.Errorf("maxInstances is %d, and was %d; want %d", settings.MaxInstances, limit, c.max)
		}
		if settings.DrainTimeout != drainTimeout || settings.RequestTimeout != requestTimeout || settings.MinInstances != minInstances {
			t.Errorf("read as %+v", settings)
		}
		if names := settings.AllApps(); settings.TLS.On() != second || len(names) != 1+len(settings.Apps)/2 {
			t.Errorf("read as %+v", settings)
		}
		limit = c.max
		if err := c.spoil(pick); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(c.path, noEnvironment); err == nil {
			t.Error("the invalid config is valid")
		}
		if c.max != limit {
			t.Error("an invalid config changed what is wanted")
		}
	}
}
