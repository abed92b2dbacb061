package proxytest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// OverUnix has the instances of Script listen on Unix sockets. The addresses are paths
// then.
var OverUnix = os.Getenv("DYNLB_TEST_UPSTREAM") == "unix"

// ListenUnix returns a listener on a Unix socket of its own.
func ListenUnix(t testing.TB) net.Listener {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") //nolint:usetesting // shorter than t.TempDir: a path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}
