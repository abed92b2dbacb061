package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestServeTakesAFile: what is not a regular file cannot be read again.
func TestServeTakesAFile(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	_ = write.Close()
	device, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, f := range []*os.File{read, device} {
		path := fmt.Sprintf("/dev/fd/%d", f.Fd())
		want := "dynlb: " + path + " is not a regular file: serve reads its config again when it changes; give it a regular file"
		if code, _, stderr := cli(t, "serve", "--config", path); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", f.Name(), code, stderr)
		}
	}
}
