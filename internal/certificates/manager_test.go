package certificates

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// TestSessionResumesAfterReload keeps the keys of session tickets in one config: without
// that, every client would need a whole handshake after each reload.
func TestSessionResumesAfterReload(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		dir := t.TempDir()
		w := pebbletest.WritePair(t, dir, "a", time.Now().Add(time.Hour), "a.example.com")
		settings := Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}}
		m := newManager(t, io.Discard, settings)
		address := serve(t, m)
		client := &tls.Config{
			ServerName: "a.example.com", InsecureSkipVerify: true,
			ClientSessionCache: tls.NewLRUClientSessionCache(1), MinVersion: version, MaxVersion: version,
		}
		for i, want := range []bool{false, true, true} {
			state, err := dial(t, address, client)
			if err != nil {
				t.Fatal(err)
			}
			if state.DidResume != want {
				t.Errorf("%s, connection %d: resumed = %v, want %v", tls.VersionName(version), i, state.DidResume, want)
			}
			if i == 1 { // before the last connection
				use(t, m, Settings{Files: settings.Files, HTTP2: true})
			}
		}
	}
}

// TestVersionsAndCiphers holds the versions and the ciphers to those that are secure.
func TestVersionsAndCiphers(t *testing.T) {
	t.Parallel()
	w := pebbletest.WritePair(t, t.TempDir(), "a", time.Now().Add(time.Hour), "a.example.com")
	address := serve(t, newManager(t, io.Discard, Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}}))
	for _, test := range []struct {
		name    string
		version uint16
		ciphers []uint16
		ok      bool
	}{
		{"TLS 1.1", tls.VersionTLS11, nil, false},
		{"TLS 1.2", tls.VersionTLS12, nil, true},
		{"TLS 1.2 with GCM", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, true},
		{"TLS 1.2 with CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, false},
		{"TLS 1.3", tls.VersionTLS13, nil, true},
	} {
		_, err := dial(t, address, &tls.Config{
			ServerName: "a.example.com", InsecureSkipVerify: true,
			MinVersion: test.version, MaxVersion: test.version, CipherSuites: test.ciphers,
		})
		if (err == nil) != test.ok {
			t.Errorf("%s: error %v, want success = %v", test.name, err, test.ok)
		}
	}
}

// TestProtocols offers HTTP/2 only if it is asked for.
func TestProtocols(t *testing.T) {
	t.Parallel()
	w := pebbletest.WritePair(t, t.TempDir(), "a", time.Now().Add(time.Hour), "a.example.com")
	settings := Settings{Files: []File{{"tls.cert", w.Cert, w.Key}}}
	m := newManager(t, io.Discard, settings)
	address := serve(t, m)
	client := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}
	for _, test := range []struct {
		http2 bool
		want  string
	}{{false, "http/1.1"}, {true, "h2"}, {false, "http/1.1"}} {
		settings.HTTP2 = test.http2
		use(t, m, settings)
		state, err := dial(t, address, client)
		if err != nil {
			t.Fatal(err)
		}
		if state.NegotiatedProtocol != test.want {
			t.Errorf("with http2 %v the protocol is %q, want %q", test.http2, state.NegotiatedProtocol, test.want)
		}
	}
}

// TestNoCertificate tells a client that there is no certificate for the name it asks for.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	var log pebbletest.Buffer
	address := serve(t, newManager(t, &log, Settings{}))
	for range 2 {
		_, err := dial(t, address, &tls.Config{ServerName: "a.example.com"})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("error %v, want the alert unrecognized_name", err)
		}
	}
	if n := strings.Count(log.String(), "no certificate for the name that a client asks for\" name=a.example.com"); n != 1 {
		t.Errorf("the log has the name %d times, want once a minute:\n%s", n, log.String())
	}
}
