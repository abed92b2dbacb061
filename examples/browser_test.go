package examples_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestBrowser has Chromium, Node and curl use an app over HTTPS and HTTP/2, if they are
// installed: a page, server-sent events, a WebSocket, and uploads.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	for _, program := range []string{"node", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	check := exec.CommandContext(t.Context(), "node", "check.mjs", build(t, "../cmd/dynlb"))
	check.Dir = filepath.Join(".", "browser")
	output, err := check.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	t.Logf("%s", output)
}
