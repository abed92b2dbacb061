package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Auth holds the credentials of the control listeners, Admin and AdminHTTP. With
// the zero value, the default, every client that reaches a listener may use it. A
// Config has it only if both listeners are on loopback: any other listener needs
// TLS, and a token or client certificates.
//
// The files are absolute paths and were valid when the configuration was read.
// [ReadToken], [ReadKeyPair] and [ReadCAs] read them, then and later.
type Auth struct {
	// TokenFile holds the token that clients must send. Empty: they need none.
	TokenFile string

	// TLS holds the certificates of the listeners and of their clients.
	TLS TLS
}

// TLS names files in PEM form.
type TLS struct {
	// Cert and Key are the certificate of the control listeners, with the
	// intermediate ones after it, and its private key: both, or neither for
	// listeners without TLS.
	Cert, Key string

	// ClientCA holds the authorities that sign the certificates of clients.
	// Empty: clients need none.
	ClientCA string
}

func checkReadable(path string) error {
	_, err := readCredential(path, false)
	return err
}

func checkPrivate(path string) error {
	_, err := readCredential(path, true)
	return err
}

func checkToken(path string) error {
	_, err := ReadToken(path)
	return err
}

func checkCAs(path string) error {
	_, err := ReadCAs(path)
	return err
}

// auth checks the rules about credentials and the listeners that need them.
func (r *reader) auth() {
	const cert, key, clientCA = "auth.tls.cert", "auth.tls.key", "auth.tls.clientCA"
	switch {
	case r.isSet(cert) && !r.isSet(key):
		r.problem(r.set[cert], "needs %s, its private key", key)
	case r.isSet(key) && !r.isSet(cert):
		r.problem(r.set[key], "needs %s, its certificate", cert)
	case r.isSet(cert) && r.good(cert, key):
		if _, err := ReadKeyPair(r.config.Auth.TLS.Cert, r.config.Auth.TLS.Key); err != nil {
			at, _ := r.later(cert, key)
			r.problem(at, "%v", err)
		}
	case r.isSet(clientCA) && !r.isSet(cert):
		r.problem(r.set[clientCA], "needs %s and %s: client certificates are for listeners with TLS", cert, key)
	}
	missing := r.missing()
	for _, l := range []struct{ key, address string }{{"admin", r.config.Admin}, {"adminHTTP", r.config.AdminHTTP}} {
		if host, port, _ := net.SplitHostPort(l.address); r.good(l.key) && !IsLoopback(host) && missing != "" {
			r.problem(r.set[l.key], "is off loopback, where others can reach it; set %s, or listen on 127.0.0.1:%s; got %s", missing, port, l.address)
		}
	}
}

// missing lists the keys that a control listener off loopback needs and that are
// not set. Those with a problem of their own are not missing.
func (r *reader) missing() string {
	var keys []string
	for _, key := range []string{"auth.tls.cert", "auth.tls.key"} {
		if !r.isSet(key) {
			keys = append(keys, key)
		}
	}
	if !r.isSet("auth.tokenFile") && !r.isSet("auth.tls.clientCA") {
		keys = append(keys, "auth.tokenFile (or auth.tls.clientCA)")
	}
	if len(keys) < 2 {
		return strings.Join(keys, "")
	}
	last := len(keys) - 1
	return fmt.Sprintf("%s and %s", strings.Join(keys[:last], ", "), keys[last])
}

// isSet reports whether the file has a value for the key, valid or not.
func (r *reader) isSet(key string) bool {
	_, ok := r.set[key]
	return ok
}

// IsLoopback reports whether host, a name or an address, can be reached from this
// machine only. Of the names only localhost can: a resolver decides what others
// mean.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
