package http1

import "bytes"

// Form is the form of a request target (RFC 9112, 3.2).
type Form uint8

// The forms of a request target.
const (
	OriginForm    Form = iota // /path?query
	AbsoluteForm              // http://host/path?query
	AuthorityForm             // host:port, of CONNECT
	AsteriskForm              // *, of OPTIONS
)

// asterisk is the path of an absolute target that has none, if the method is
// OPTIONS (RFC 9112, 3.2.4).
var asterisk = []byte("*")

// readTarget splits the request target.
func (r *Request) readTarget() *Error {
	t := r.Target
	switch {
	case string(r.Method) == "CONNECT":
		r.Form = AuthorityForm
		if !validAuthority(t) {
			return errAuthority
		}
		r.Host = t
		return nil
	case t[0] == '/':
		r.Form, r.Path = OriginForm, t
	case string(t) == "*":
		r.Form, r.Path = AsteriskForm, t
		if string(r.Method) != "OPTIONS" {
			return errAsterisk
		}
	default:
		r.Form = AbsoluteForm
		return r.readURL(t)
	}
	return checkPath(r.Path)
}

// readURL splits an absolute target. Its scheme may be https on a connection
// without TLS: a proxy before this one may have ended that (RFC 9110, 7.4).
func (r *Request) readURL(t []byte) *Error {
	scheme, rest, found := bytes.Cut(t, []byte("://"))
	if !found || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
		return errTargetForm
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end:end]
	if bytes.IndexByte(host, '@') >= 0 {
		return errUserinfo // RFC 9110, 4.2.4
	}
	if !validHost(host) {
		return errHost
	}
	r.Host, r.Path = host, rest[end:]
	if len(r.Path) == 0 && string(r.Method) == "OPTIONS" {
		r.Path = asterisk
	}
	return checkPath(r.Path)
}

// checkPath checks the percent-encoding of a path (RFC 3986, 2.1), but not that
// of a query: some applications use a bare % there.
func checkPath(path []byte) *Error {
	if query := bytes.IndexByte(path, '?'); query >= 0 {
		path = path[:query]
	}
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return nil
		}
		if len(path) < i+3 || class[path[i+1]]&class[path[i+2]]&hexByte == 0 {
			return errEscape
		}
		path = path[i+3:]
	}
}
