package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestConfigWatchOfOtherFiles: a change of a file that the config names is one of the
// config, also if the file is replaced or in another folder, and counts once.
func TestConfigWatchOfOtherFiles(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir, other := t.TempDir(), t.TempDir()
	write := func(path, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Error(err)
		}
	}
	path, users, page := filepath.Join(dir, "config.yaml"), filepath.Join(other, "users"), filepath.Join(dir, "page.html")
	write(path, "minInstances: 1")
	write(users, "ann:a")
	write(page, "old")
	reasons := startWatch(t, path, users, page)
	await := func(what string) {
		t.Helper()
		select {
		case reason := <-reasons:
			if reason != "file changed" {
				t.Errorf("%s: %s", what, reason)
			}
		case <-time.After(within):
			t.Fatalf("%s: no reload", what)
		}
	}
	none := func(what string) {
		t.Helper()
		select {
		case reason := <-reasons:
			t.Errorf("%s: reload, %s", what, reason)
		case <-time.After(4 * settleTime):
		}
	}
	none("no change")
	write(users, "ann:b")
	await("users")
	write(users+".new", "ann:c")
	if err := os.Rename(users+".new", users); err != nil {
		t.Fatal(err)
	}
	await("users replaced")
	write(page, "new")
	await("the page")
	write(filepath.Join(other, "else"), "x")
	none("another file")
	if err := os.Remove(users); err != nil {
		t.Fatal(err)
	}
	await("users removed")
}
