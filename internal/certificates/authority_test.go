package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// roots returns the authorities that a client trusts which has the root of dir.
func roots(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(dir, "internal", rootFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s has no certificate", pem)
	}
	return pool
}

// TestInternal connects clients that trust the authority, before and after a restart.
func TestInternal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	for range 2 {
		var log pebbletest.Buffer
		m := newManager(t, &log, Settings{Internal: Internal{dir}})
		address := serve(t, m)
		for _, name := range []string{"localhost", "app.localhost", "my_app.test", "127.0.0.1"} {
			if _, err := dial(t, address, &tls.Config{RootCAs: roots(t, dir), ServerName: name}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := dial(t, address, &tls.Config{RootCAs: roots(t, dir), ServerName: strings.Repeat("a", 64) + ".test"}); err == nil {
			t.Error("there is a certificate for a label of 64 characters")
		}
		use(t, m, Settings{Internal: Internal{dir}, HTTP2: true})
		if n := strings.Count(log.String(), "to trust the certificates"); n != 1 || !strings.Contains(log.String(), filepath.Join(dir, "internal", "root.crt")) {
			t.Errorf("the log tells %d times how to trust the authority, want once with the path:\n%s", n, log.String())
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want none for others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestInternalLeaves bounds the certificates in memory, and replaces them in time.
func TestInternalLeaves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, t.Output(), Settings{Internal: Internal{dir}})
		first := ask(t, m, "a.test")
		time.Sleep(leafLife/2 - time.Second)
		if ask(t, m, "a.test") != first {
			t.Error("a certificate is signed again although it is valid for long")
		}
		time.Sleep(2 * time.Second)
		next := ask(t, m, "a.test")
		if next == first || time.Until(next.Leaf.NotAfter) < leafLife-time.Second {
			t.Error("a certificate of which half of the life is over is not replaced")
		}
		for i := range maxLeaves + 1 {
			ask(t, m, fmt.Sprintf("n%d.test", i))
		}
		a, _ := sourceOf[*authority](m.set.Load())
		if len(a.leaves) > maxLeaves {
			t.Errorf("%d certificates in memory, want at most %d", len(a.leaves), maxLeaves)
		}
		use(t, m, Settings{})
	})
}

// TestBrokenRoot makes another authority when the files of the present one are unusable,
// and keeps them.
func TestBrokenRoot(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"missing": os.Remove,
	} {
		dir := t.TempDir()
		newManager(t, t.Output(), Settings{Internal: Internal{dir}})
		if err := spoil(filepath.Join(dir, "internal", keyFile)); err != nil {
			t.Fatal(err)
		}
		var log pebbletest.Buffer
		m := newManager(t, &log, Settings{Internal: Internal{dir}})
		if _, err := dial(t, serve(t, m), &tls.Config{RootCAs: roots(t, dir), ServerName: "localhost"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kept, err := filepath.Glob(filepath.Join(dir, broken, "*", rootFile))
		if err != nil || len(kept) != 1 || !strings.Contains(log.String(), "moved aside") {
			t.Errorf("%s: kept %v, error %v, want the unusable files, and a line in the log:\n%s", name, kept, err, log.String())
		}
	}
}
