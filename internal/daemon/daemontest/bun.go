package daemontest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// bunFolder is where `make test` installs Bun.
const bunFolder = "examples/bun/node_modules/.bin"

// Bun returns the path of the Bun that `make test` installs.
func Bun(t testing.TB) string {
	t.Helper()
	path := filepath.Join(root(), bunFolder, "bun")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("Bun is missing (%v): run make test, or npm ci in examples/bun", err)
	}
	return path
}

// BunApp returns the path of the example app, the location in a config.
func BunApp(t testing.TB) string {
	t.Helper()
	Bun(t)
	return filepath.Join(root(), "examples", "bun", "app.ts")
}

// Original returns a config of the example app with the original eight keys, at a
// pace for tests.
func Original(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf(`
location: %s
minInstances: 2
maxInstances: 5
checkInterval: 500
healthTimeout: 2000
scaleUpThreshold: 3
scaleDownThreshold: 0.5
idleTimeout: 1000
`, BunApp(t))
}
