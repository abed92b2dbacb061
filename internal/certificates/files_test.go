package certificates

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// TestServerNames gives each client the certificate for the name it asks for.
func TestServerNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var settings Settings
	for _, names := range [][]string{{"first.example.com"}, {"a.example.com", "B.example.com"}, {"*.example.org"}, {"192.0.2.1"}} {
		w := pebbletest.WritePair(t, dir, strings.Trim(names[0], "*"), time.Now().Add(time.Hour), names...)
		settings.Files = append(settings.Files, File{"tls.certificates", w.Cert, w.Key})
	}
	m := newManager(t, t.Output(), settings)
	for name, want := range map[string]string{
		"":                  "first.example.com",
		"first.example.com": "first.example.com",
		"a.example.com":     "a.example.com",
		"A.EXAMPLE.com.":    "a.example.com",
		"b.example.com":     "a.example.com",
		"x.example.org":     "*.example.org",
		"x.y.example.org":   "first.example.com",
		"example.org":       "first.example.com",
		"unknown":           "first.example.com",
	} {
		if got := nameOf(ask(t, m, name)); got != want {
			t.Errorf("a client that asks for %q gets the certificate of %s, want that of %s", name, got, want)
		}
	}
	if reports := m.Reports(); len(reports) != 4 || reports[1].Name != "192.0.2.1" || reports[1].Source != "file" || reports[1].Error != "" {
		t.Errorf("reports %+v, want one for each certificate, by name", reports)
	}
}

// TestFilesAreReadAgain replaces the files, with others and then with broken ones.
func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log pebbletest.Buffer
		w := pebbletest.WritePair(t, dir, "a", time.Now().Add(time.Hour), "before.example.com")
		m := newManager(t, &log, Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}})
		expect := func(want string) {
			t.Helper()
			time.Sleep(2*fileInterval + time.Second) // of the bubble
			if got := nameOf(ask(t, m, "")); got != want {
				t.Errorf("the certificate is that of %s, want %s", got, want)
			}
		}
		expect("before.example.com")
		pebbletest.WritePair(t, dir, "a", time.Now().Add(time.Hour), "after.example.com")
		expect("after.example.com")
		if nameOf(ask(t, m, "before.example.com")) != "after.example.com" {
			t.Error("the name of the certificate before is still known")
		}

		pebbletest.WriteFile(t, w.Key, []byte("half a key"))
		expect("after.example.com")
		expect("after.example.com")
		if report := m.Reports()[0]; !strings.Contains(report.Error, "tls.cert") || report.Name != "after.example.com" {
			t.Errorf("report %+v, want the error with the key of the config", report)
		}
		if n := strings.Count(log.String(), "certificate not read, keeping the previous one"); n != 1 {
			t.Errorf("the log tells of the broken files %d times, want once:\n%s", n, log.String())
		}
		if err := os.Remove(w.Cert); err != nil {
			t.Fatal(err)
		}
		expect("after.example.com")
		pebbletest.WritePair(t, dir, "a", time.Now().Add(time.Hour), "repaired.example.com")
		expect("repaired.example.com")
		if report := m.Reports()[0]; report.Error != "" {
			t.Errorf("error %q after the files were repaired, want none", report.Error)
		}
		use(t, m, Settings{})
	})
}

// TestExpiredFile reports a certificate that has expired. It stays in force: nothing is
// gained by no certificate.
func TestExpiredFile(t *testing.T) {
	t.Parallel()
	w := pebbletest.WritePair(t, t.TempDir(), "a", time.Now().Add(-time.Minute), "a.example.com")
	m := newManager(t, t.Output(), Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}})
	if got := m.Reports()[0].Error; !strings.Contains(got, "has expired; replace "+w.Cert) {
		t.Errorf("error %q, want the file to replace", got)
	}
	if ask(t, m, "a.example.com") == nil {
		t.Error("no certificate, want the expired one")
	}
}

// TestPrepareFails refuses files that are missing, and keeps what is in force.
func TestPrepareFails(t *testing.T) {
	t.Parallel()
	w := pebbletest.WritePair(t, t.TempDir(), "a", time.Now().Add(time.Hour), "a.example.com")
	m := newManager(t, t.Output(), Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}})
	_, err := m.Prepare(Settings{Files: []File{{"tls.certificates[0]", w.Cert, w.Cert + ".gone"}}})
	if err == nil || !strings.Contains(err.Error(), "tls.certificates[0]: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with the key of the config", err)
	}
	if ask(t, m, "a.example.com") == nil {
		t.Error("the certificate in force is gone")
	}
}
