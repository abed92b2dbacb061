//go:build unix

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadTokenOfPipe checks that a pipe in the place of a file is refused, and that
// nothing waits for its writer.
func TestReadTokenOfPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("make a pipe: %v", err)
	}
	failed := make(chan error, 1)
	go func() { // ends with the read
		_, err := ReadToken(path)
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the read waits for a writer")
	}
}
