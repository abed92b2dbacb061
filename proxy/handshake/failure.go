package handshake

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// failureInterval is the minimum time between two log lines about failed handshakes:
// anyone can cause them.
const failureInterval = time.Second

// failures is what is known of the handshakes that failed.
type failures struct {
	mu       sync.Mutex // guards all below
	last     time.Time  // of the last line
	unlogged int        // since then
}

// Failed logs a handshake that failed, at most one a second. The line has the number of
// those that were not logged since the last one. A client that left is logged at level
// debug: port scans and checks of other proxies do that.
func (s *Server) Failed(err error, client string) {
	if hasLeft(err) {
		s.log.Debug("client left during the TLS handshake", "client", client)
		return
	}
	if unlogged, ok := s.failures.next(time.Now()); ok {
		log := s.log
		if maybeUntrusted(err) {
			log = log.With("hint", "the client may not trust the certificate")
		}
		log.Info("TLS handshake failed", "cause", err, "client", client, "unlogged", unlogged)
	}
}

// Alerts of TLS (RFC 8446, 6).
const (
	badRecordMAC       = 20
	badCertificate     = 42
	certificateExpired = 45
	certificateUnknown = 46
	unknownCA          = 48
)

// maybeUntrusted reports whether a handshake may have failed with err because the client does
// not trust the certificate. OpenSSL sends its alert in plain text before it has a Finished
// message to send; in TLS 1.3 crypto/tls cannot decrypt that, and calls it a bad record MAC
// (golang/go#76767).
func maybeUntrusted(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return false
	}
	is := func(alerts ...tls.AlertError) bool {
		// The alert in an OpError is of a type that crypto/tls does not export.
		return slices.ContainsFunc(alerts, func(a tls.AlertError) bool { return failed.Err.Error() == a.Error() })
	}
	switch failed.Op {
	case "local error":
		return is(badRecordMAC)
	case "remote error":
		return is(badCertificate, certificateExpired, certificateUnknown, unknownCA)
	default:
		return false
	}
}

// next reports whether a failure is logged, and how many were not before it.
func (f *failures) next(now time.Time) (unlogged int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.last.IsZero() && now.Sub(f.last) < failureInterval {
		f.unlogged++
		return 0, false
	}
	unlogged, f.unlogged, f.last = f.unlogged, 0, now
	return unlogged, true
}

// PlainHTTP returns the first bytes that a client sent in place of a ClientHello, if they
// are the beginning of a request; err is what the handshake failed with. Otherwise it
// returns nil.
func PlainHTTP(err error) []byte {
	header, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok {
		return nil
	}
	switch string(header.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return header.RecordHeader[:]
	}
	return nil
}
