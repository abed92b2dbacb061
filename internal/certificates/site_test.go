package certificates

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// site is a dynlb as far as certificates are concerned: a listener of TLS and one of
// plain HTTP, whose certificates change.
type site struct {
	t         testing.TB
	tls, http net.Listener
	manager   atomic.Pointer[Manager]
	log       *pebbletest.Buffer
	authority *pebbletest.Authority
	storage   string
}

// newSite returns a site with an authority that looks for challenges at it.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, storage: filepath.Join(t.TempDir(), "state")}
	for _, l := range []*net.Listener{&s.tls, &s.http} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*l).Close() })
	}
	s.authority = pebbletest.New(t, portOf(s.http), portOf(s.tls))
	s.restart()
	go func() { // ends with the listener
		for {
			conn, err := s.tls.Accept()
			if err != nil {
				return
			}
			go func() { // ends when the client leaves
				defer conn.Close()
				secure := tls.Server(conn, s.manager.Load().TLS())
				if secure.Handshake() == nil {
					_, _ = secure.Write([]byte("x"))
					_, _ = io.Copy(io.Discard, secure)
				}
			}()
		}
	}()
	go func() { // ends with the listener
		_ = http.Serve(s.http, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.manager.Load().Challenge(w, r) {
				w.WriteHeader(http.StatusNotFound)
			}
		}))
	}()
	return s
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// restart gives the site another manager, as a new process has.
func (s *site) restart() {
	s.t.Helper()
	if m := s.manager.Load(); m != nil {
		if err := m.Close(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
	s.log = &pebbletest.Buffer{}
	s.manager.Store(newManager(s.t, s.log, Settings{}))
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("log:\n%s", s.log)
		}
	})
}

// use obtains certificates for names, by either challenge, and tries again at once after
// a failure.
func (s *site) use(names ...string) {
	s.t.Helper()
	s.useSettings(ACME{Domains: names, HTTPPort: portOf(s.http), TLSPort: portOf(s.tls)})
}

func (s *site) useSettings(settings ACME) {
	s.t.Helper()
	roots, err := os.ReadFile(s.authority.Root)
	if err != nil {
		s.t.Fatal(err)
	}
	settings.Email, settings.Directory, settings.Roots = "a@example.com", s.authority.URL(), string(roots)
	settings.Storage, settings.Host = s.storage, "127.0.0.1"
	set, err := s.manager.Load().Prepare(Settings{ACME: settings})
	if err != nil {
		s.t.Fatal(err)
	}
	if a, ok := sourceOf[*acme](set); ok && a.cancel == nil {
		a.retry = func(int, error) time.Duration { return 200 * time.Millisecond }
	}
	s.manager.Load().Use(set)
}

// serial returns the serial number of the certificate that a client gets for name, "" if
// the handshake fails.
func (s *site) serial(name string) string {
	state, err := s.dial(name)
	if err != nil {
		return ""
	}
	if err := state.PeerCertificates[0].VerifyHostname(name); err != nil {
		s.t.Errorf("the certificate: %v", err)
	}
	return state.PeerCertificates[0].SerialNumber.String()
}

func (s *site) dial(name string) (tls.ConnectionState, error) {
	return dial(s.t, s.tls.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
}

// await waits for a certificate of a name, and returns its serial number.
func (s *site) await(name string) (serial string) {
	s.t.Helper()
	pebbletest.Eventually(s.t, "a certificate for "+name, func() bool {
		serial = s.serial(name)
		return serial != ""
	})
	return serial
}

// report returns what the manager reports of a name.
func (s *site) report(name string) Report {
	for _, r := range s.manager.Load().Reports() {
		if r.Name == name {
			return r
		}
	}
	return Report{}
}
