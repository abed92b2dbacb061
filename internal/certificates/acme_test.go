package certificates

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// TestChallenges obtains a certificate by each kind of challenge alone.
func TestChallenges(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]func(s *site) ACME{
		"http.example.com": func(s *site) ACME { return ACME{HTTPPort: portOf(s.http)} },
		"alpn.example.com": func(s *site) ACME { return ACME{TLSPort: portOf(s.tls)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.authority.Start()
			acme := settings(s)
			acme.Domains = []string{name}
			s.useSettings(acme)
			s.await(name)
			report := s.report(name)
			if left := time.Until(report.Expiry); report.Source != "acme" || report.Error != "" || left < 89*24*time.Hour {
				t.Errorf("report %+v, want a certificate of 90 days without an error", report)
			}
			if _, err := s.dial("other.example.com"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("a client of another name gets the error %v, want the alert unrecognized_name", err)
			}
			checkModes(t, s.storage)
		})
	}
}

// checkModes checks that other users have no access to the storage.
func checkModes(t *testing.T, storage string) {
	t.Helper()
	err := filepath.WalkDir(storage, func(path string, entry fs.DirEntry, err error) error {
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
		t.Error(err)
	}
}

// TestAuthorityAway starts while the authority is away: a handshake fails at once, the
// reason is reported, and the certificate is obtained when the authority is back. When it is
// away later, and at a restart, the certificate stays. When it has forgotten its accounts,
// another name is obtained all the same.
func TestAuthorityAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	began := time.Now()
	s.use("away.example.com")
	if _, err := s.dial("away.example.com"); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("error %v before there is a certificate, want the alert unrecognized_name", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the start and a handshake took %v, want no waiting for the authority", took)
	}
	pebbletest.Eventually(t, "an error in the report", func() bool {
		report := s.report("away.example.com")
		return strings.Contains(report.Error, s.authority.URL()+" did not answer; check the network") && report.Expiry.IsZero()
	})
	if !strings.Contains(s.log.String(), "certificate not obtained; HTTPS fails for this name until it is") {
		t.Error("the log does not tell that there is no certificate")
	}
	s.authority.Start()
	serial := s.await("away.example.com")
	pebbletest.Eventually(t, "no error in the report", func() bool { return s.report("away.example.com").Error == "" })

	s.authority.Stop()
	s.restart()
	s.use("away.example.com", "later.example.com")
	if got := s.serial("away.example.com"); got != serial {
		t.Errorf("certificate %q at once after a restart, want the one in the storage, %q", got, serial)
	}
	s.authority.Start() // with another account database
	s.await("later.example.com")
	if strings.Contains(s.log.String(), forgotten+`" nextAttempt`) {
		t.Error("it was attempted later to use the account that was made anew, want at once")
	}
	if got := s.serial("away.example.com"); got != serial {
		t.Errorf("certificate %q, want the one in the storage, %q", got, serial)
	}
}

// TestFurtherDomain adds a name by a reload: the certificate of the other one is in use
// all the time, and stays so when its own name is removed and named again.
func TestFurtherDomain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.authority.Start()
	s.use("one.example.com")
	serial := s.await("one.example.com")
	for _, names := range [][]string{{"one.example.com", "two.example.com"}, {"two.example.com"}, {"two.example.com", "one.example.com"}} {
		s.use(names...)
		if got := s.serial("one.example.com"); (got == serial) != slices.Contains(names, "one.example.com") {
			t.Errorf("with %v the certificate of the first name is %q, want %q if it is among them", names, got, serial)
		}
		s.await("two.example.com")
	}
}

// TestBrokenStorage obtains a certificate anew when a file of it is unusable. Without
// that, the name would never get one: certmagic reports the file and gives up.
func TestBrokenStorage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.authority.Start()
	const name = "broken.example.com"
	s.use(name)
	serial := s.await(name)
	for _, pattern := range []string{"certificates/*/*/*.json", "certificates/*/*/*.key", "certificates/*/*/*.crt", "acme/*/users/*/*.json"} {
		s.restart()
		files, err := filepath.Glob(filepath.Join(s.storage, pattern))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: files %v, error %v, want one", pattern, files, err)
		}
		if err := os.Truncate(files[0], 10); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(pattern, "acme") { // the account is needed for a new certificate only
			if err := os.RemoveAll(filepath.Join(s.storage, "certificates")); err != nil {
				t.Fatal(err)
			}
		}
		s.use(name)
		next := s.await(name)
		if next == serial {
			t.Errorf("%s: the certificate is the same, want another one", pattern)
		}
		serial = next
		if !strings.Contains(s.log.String(), "moved aside") {
			t.Errorf("%s: the log does not tell that the files were moved aside", pattern)
		}
	}
	if kept, err := os.ReadDir(filepath.Join(s.storage, broken)); err != nil || len(kept) != 4 {
		t.Errorf("kept %v, error %v, want all unusable files", kept, err)
	}
}

// lockChild is the variable that makes the test binary take the lock of a name in a
// storage.
const lockChild = "DYNLB_TEST_LOCK"

// TestMain is the child of TestKilledWithLock if the variable is set.
func TestMain(m *testing.M) {
	if storage := os.Getenv(lockChild); storage != "" {
		if err := newStorage(storage).Lock(nil, "issue_cert_lock.example.com"); err != nil { //nolint:staticcheck // it is free
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		select {}
	}
	os.Exit(m.Run())
}

// TestKilledWithLock kills a process that obtains a certificate. Another one waits for as
// long as it lives, and no longer.
func TestKilledWithLock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.authority.Start()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), lockChild+"="+s.storage)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = child.Process.Kill(), child.Wait() })
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the child says %q, error %v", line, err)
	}
	s.use("lock.example.com")
	pebbletest.Eventually(t, "an attempt to take the lock", func() bool { return strings.Contains(s.log.String(), "acquiring lock") })
	if got := s.serial("lock.example.com"); got != "" {
		t.Error("there is a certificate although another process has the lock")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	s.await("lock.example.com")
	if took := time.Since(killed); took > 8*time.Second {
		t.Errorf("it took %v after the other process was killed, want no waiting for a lock to be out of date (10 s)", took)
	}
	if left, err := os.ReadDir(filepath.Join(s.storage, "locks")); err != nil || len(left) > 0 {
		t.Errorf("locks %v are left, error %v, want none", left, err)
	}
}

// TestRenewal renews a certificate that is about to expire. While the authority is away,
// it stays, and the reason is reported.
func TestRenewal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.authority.Life = 10 * time.Minute // less than certmagic wants to be left
	s.authority.Start()
	const name = "renewal.example.com"
	s.use(name)
	serial := s.await(name)
	pebbletest.Eventually(t, "the renewed certificate", func() bool {
		return s.serial(name) != serial && strings.Contains(s.log.String(), "certificate renewed")
	})

	s.restart()
	s.authority.Stop()
	serial = ""
	s.use(name)
	pebbletest.Eventually(t, "an error in the report", func() bool {
		report := s.report(name)
		return strings.HasPrefix(report.Error, "not renewed: ") && strings.Contains(report.Error, "did not answer; check the network") && !report.Expiry.IsZero()
	})
	if s.serial(name) == "" {
		t.Error("the certificate is gone, want the previous one")
	}
}
