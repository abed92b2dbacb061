package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// PublicTLS says where the certificates of the public listener come from. With the
// zero value, the default, the listener speaks plain HTTP.
//
// The certificate files are absolute paths and were valid when the configuration was
// read. [ReadKeyPair] reads them, then and later.
type PublicTLS struct {
	// Cert and Key are a certificate, with the intermediate ones after it, and its
	// private key: both, or neither.
	Cert, Key string

	// Certificates are further ones.
	Certificates []KeyPair

	// Domains are the host names to obtain certificates for by ACME, in small letters.
	Domains []string

	// Email, CA and CARoot are about ACME: the contact of the account, the URL of the
	// authority's directory and a file with the authorities that sign the certificate
	// of that server. Empty: none, Let's Encrypt, and those of the system.
	Email, CA, CARoot string

	// Internal tells that an authority of this machine signs a certificate for any name
	// that a client asks for.
	Internal bool

	// Storage is the folder of what ACME and the internal authority need to keep. Empty:
	// one in the user's state folder.
	Storage string

	// Redirect is the host:port of the listener that answers the challenges of HTTP-01
	// and redirects all else to HTTPS. Empty: there is none.
	Redirect string

	// HTTP2 and HTTP3 tell that these versions are offered. HTTP/3 is served on the UDP port
	// of the public listener.
	HTTP2, HTTP3 bool
}

// KeyPair names the files of a certificate and of its private key.
type KeyPair struct{ Cert, Key string }

// On reports whether the public listener speaks TLS.
func (t *PublicTLS) On() bool { return t.Internal || len(t.Domains) > 0 || len(t.Pairs()) > 0 }

// Pairs returns all certificates from files. The first one is for clients that name no
// host, and for hosts that no certificate is for.
func (t *PublicTLS) Pairs() []KeyPair {
	if t.Cert == "" {
		return t.Certificates
	}
	return append([]KeyPair{{t.Cert, t.Key}}, t.Certificates...)
}

// defaultRedirect is where clients of plain HTTP connect, and where an authority looks
// for the challenges of HTTP-01 (RFC 8555, 8.3).
const defaultRedirect = ":80"

// tlsKeys are the keys of tls. hsts is a field of the app.
func tlsKeys(t *PublicTLS, hsts *time.Duration) []Key {
	return append(pairKeys(&t.Cert, &t.Key), []Key{
		{
			Name: "certificates", Value: keyPairs(&t.Certificates), Default: "[]", Change: AtOnce,
			Meaning: "Further certificates. A client gets the one for the host that it names, and else the first of all.",
		},
		{
			Name: "domains", Value: domains(&t.Domains), Example: "[app.example.com]", Change: AtOnce,
			Meaning: "The host names to obtain certificates for, by ACME. The authority must reach this machine at them, on port 443 or 80.",
		},
		{
			Name: "email", Value: email(&t.Email), Example: "admin@example.com", Needs: []string{"domains"}, Change: AtOnce,
			Meaning: "Where the authority writes to about the certificates of `domains`.",
		},
		{
			Name: "ca", Value: httpsURL(&t.CA), Example: "https://acme-v02.api.letsencrypt.org/directory", Needs: []string{"domains"}, Change: AtOnce,
			Meaning: "The ACME directory of the authority. To use it is to agree to its terms of service. Unset: that of Let's Encrypt.",
		},
		{
			Name: "caRoot", Value: checked(&t.CARoot, checkCAs), Example: "ca.pem", Needs: []string{"ca"}, Change: AtOnce,
			Meaning: "The authorities that sign the certificate of the server at `ca`. Unset: those that the system trusts.",
		},
		{
			Name: "internal", Value: boolean(&t.Internal), Default: "false", Change: AtOnce,
			Meaning: "For development: an authority of this machine signs a certificate for any name that a client asks for. `tls: internal` is short for `tls: {internal: true}`.",
		},
		{
			Name: "storage", Value: unchecked(&t.Storage, nil), Example: "/var/lib/dynlb", Change: AtOnce,
			Meaning: "The folder of private keys and certificates from `domains` and `internal`. Unset: `certificates` in the folder that systemd gives (`STATE_DIRECTORY`), or in `dynlb` in `XDG_STATE_HOME` or `~/.local/state`.",
		},
		{
			Name: "redirect", Value: addressOrNone(&t.Redirect), Example: `":80"`, Change: NewListener,
			Meaning: "Where clients of plain HTTP are redirected to HTTPS, and where the authority is answered. Unset: `:80` with `domains`, and none without. `\"\"`: none.",
		},
		{
			Name: "http2", Value: boolean(&t.HTTP2), Default: "true", Change: AtOnce,
			Meaning: "Whether clients are offered HTTP/2. On other systems than Linux, it takes several times the processor time of HTTP/1.1.",
		},
		{
			Name: "http3", Value: boolean(&t.HTTP3), Default: "false", Change: NewListener,
			Meaning: "Whether clients are offered HTTP/3, on the UDP port of `listen`. A request takes more processor time than one of HTTP/2.",
		},
		{
			Name: "hsts", Value: duration(hsts, 0), Default: "0", Change: AtOnce,
			Meaning: "How long browsers use HTTPS only, once they have seen a response: `Strict-Transport-Security`, unless the app sends its own. 0 means that they are not asked to. Browsers keep to it when TLS is turned off again.",
		},
	}...)
}

// pairKeys are the keys of a certificate in files.
func pairKeys(cert, key *string) []Key {
	return []Key{
		{
			Name: "cert", Value: checked(cert, checkReadable), Example: "cert.pem", Needs: []string{"key"}, Change: AtOnce,
			Meaning: "A certificate in PEM form, followed by any intermediate ones. It is read again when it changes.",
		},
		{
			Name: "key", Value: checked(key, checkPrivate), Example: "key.pem", Needs: []string{"cert"}, Change: AtOnce,
			Meaning: "The private key of `cert`, not accessible to all users.",
		},
	}
}

// keyPairs is a list of certificates with their keys.
func keyPairs(field *[]KeyPair) Value {
	item := func(p *KeyPair) []Key {
		keys := pairKeys(&p.Cert, &p.Key)
		for i := range keys {
			keys[i].Required = true
		}
		return keys
	}
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode {
			r.wrong(at, node, "a list of certificates, such as [{cert: cert.pem, key: key.pem}]")
			return
		}
		var list []KeyPair
		for i, entry := range node.Content {
			here := at.item(i, entry.Line)
			var p KeyPair
			if entry = resolve(entry); entry.Kind != yaml.MappingNode {
				r.wrong(here, entry, "a mapping with the keys cert, key")
				continue
			}
			before := len(r.problems)
			r.mapping(here.key+".", entry, item(&p))
			if len(r.problems) == before {
				r.keyPair(here, p)
			}
			list = append(list, p)
		}
		*field = list
	}
	return Value{Kind: List, Item: item(new(KeyPair)), decode: decode}
}

// keyPair checks an entry of certificates.
func (r *reader) keyPair(at place, p KeyPair) {
	switch {
	case p.Cert == "":
		r.problem(at, "must have cert, a certificate")
	case p.Key == "":
		r.problem(at, "must have key, the private key of cert")
	default:
		if _, err := ReadKeyPair(p.Cert, p.Key); err != nil {
			r.problem(at, "%v", err)
		}
	}
}

// domain is a name that authorities sign certificates for: two labels or more of
// letters, digits and hyphens, of which the last is no number (RFC 1123, 2.1).
var domain = pattern.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// domains is a list of host names.
func domains(field *[]string) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode {
			r.wrong(at, node, "a list of host names, such as [app.example.com]")
			return
		}
		var list []string
		for i, item := range node.Content {
			here := at.item(i, item.Line)
			item = resolve(item)
			s, _ := text(item)
			name := strings.ToLower(s)
			switch {
			case strings.HasPrefix(name, "*."):
				r.problem(here, "must not be a wildcard, which needs a DNS challenge; list the names, or use cert and key; got %s", quote(s))
			case !domain().MatchString(name) || len(name) > maxDomain:
				r.wrong(here, item, "a host name, such as app.example.com")
			case slices.Contains(list, name):
				r.problem(here, "is in the list twice; got %s", quote(s))
			default:
				list = append(list, name)
			}
		}
		*field = list
	}
	return Value{Kind: Hosts, decode: decode}
}

// maxDomain is the largest length of a host name (RFC 1035, 2.3.4).
const maxDomain = 253

// email is an address of electronic mail.
func email(field *string) Value {
	return Value{Kind: Email, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := text(node)
		local, host, found := strings.Cut(s, "@")
		if !ok || !found || local == "" || !domain().MatchString(strings.ToLower(host)) || strings.ContainsAny(local, " ,;<>\"@") {
			r.wrong(at, node, "an address such as admin@example.com")
			return
		}
		*field = s
	}}
}

// addressOrNone is a host:port to listen on, or the empty text for none.
func addressOrNone(field *string) Value {
	return orNone(address(field), field)
}

// tls checks the rules about the certificates of the public listener.
func (r *reader) tls() {
	const cert, key, names = "tls.cert", "tls.key", "tls.domains"
	t := &r.config.TLS
	switch {
	case r.isSet(cert) && !r.isSet(key):
		r.problem(r.set[cert], "needs %s, its private key", key)
	case r.isSet(key) && !r.isSet(cert):
		r.problem(r.set[key], "needs %s, its certificate", cert)
	case r.isSet(cert) && r.good(cert, key):
		if _, err := ReadKeyPair(t.Cert, t.Key); err != nil {
			at, _ := r.later(cert, key)
			r.problem(at, "%v", err)
		}
	}
	for _, k := range []string{"tls.email", "tls.ca"} {
		if r.isSet(k) && !r.isSet(names) {
			r.problem(r.set[k], "needs %s, the names to obtain certificates for", names)
		}
	}
	if k := "tls.caRoot"; r.isSet(k) && !r.isSet("tls.ca") {
		r.problem(r.set[k], "needs tls.ca, the authority that it is about")
	}
	if !r.good("tls", cert, key, "tls.certificates", names, "tls.internal") {
		return
	}
	if len(t.Domains) > 0 && t.Internal {
		at, _ := r.later(names, "tls.internal")
		r.problem(at, "tls.internal and tls.domains exclude each other: one is for development, the other for the internet")
	}
	if at, ok := r.set["tls"]; ok && !t.On() {
		r.problem(at, "must have domains, cert and key, or internal: they say where the certificate comes from")
	}
	if !r.isSet("tls.redirect") && len(t.Domains) > 0 {
		t.Redirect = defaultRedirect
	}
}

// httpsURL is a URL of the scheme https.
func httpsURL(field *string) Value {
	return Value{Kind: URL, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := text(node)
		rest, secure := strings.CutPrefix(s, "https://")
		host, _, _ := strings.Cut(rest, "/")
		if name, port, err := net.SplitHostPort(host); err == nil && port != "" {
			host = name
		}
		if !ok || !secure || host == "" || !isHost(host) || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
			r.wrong(at, node, fmt.Sprintf("a URL that starts with https://, such as %s", "https://acme-v02.api.letsencrypt.org/directory"))
			return
		}
		*field = s
	}}
}
