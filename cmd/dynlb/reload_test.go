package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReloadWays: the config is reloaded on SIGHUP, when the file is replaced, and
// when a link to it is replaced, as Kubernetes does with a ConfigMap.
func TestReloadWays(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	said := func(what string) func() bool {
		return func() bool { return strings.Contains(p.log.String(), what) }
	}
	p.write("minInstances: 3\n")
	daemontest.Eventually(t, "three instances", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 3 })
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "SIGHUP", said(`"reason":"SIGHUP"`))

	dir := filepath.Dir(p.file)
	publish := func(version, settings string) {
		t.Helper()
		folder := filepath.Join(dir, version)
		content := daemontest.Complete(fmt.Sprintf("location: %s\n%s", daemontest.BunApp(t), settings), p.basePort)
		link := filepath.Join(dir, "..data")
		for _, err := range []error{
			os.Mkdir(folder, 0o700),
			os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(content), 0o600),
			os.Symlink(version, link+"_tmp"),
			os.Rename(link+"_tmp", link),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("v1", "minInstances: 2\nmaxInstances: 4\n")
	if err := os.Symlink("..data/config.yaml", p.file+"_"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(p.file+"_", p.file); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the config of the link", func() bool { return strings.Count(p.log.String(), `"msg":"config reloaded"`) >= 3 })
	publish("v2", "minInstances: 4\nmaxInstances: 4\n")
	daemontest.Eventually(t, "four instances", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 4 })

	// A missing file changes nothing.
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the missing file", said("cannot be read: no such file or directory"))
	if err := syscall.Mkfifo(p.file, 0o600); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "a pipe in its place", said("cannot be read: is not a regular file"))
	if got := len(daemontest.InstancesOn(p.basePort)); got != 4 {
		t.Errorf("%d instances", got)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
