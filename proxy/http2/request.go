package http2

import (
	"strings"

	"golang.org/x/net/http2/hpack"
)

// The pseudo fields of a request (RFC 9113, 8.3.1).
const (
	hasMethod = 1 << iota
	hasScheme
	hasPath
	hasAuthority
	hasProtocol // RFC 8441, 4
)

// request is the head of a request that arrives field by field.
type request struct {
	limit     int    // of head
	head      []byte // as one of HTTP/1.1, from its first regular field on
	cookie    []byte // the values of all Cookie fields
	began     bool   // head has its first line
	has       uint8
	method    string
	path      string
	authority string
	protocol  string // that an extended CONNECT asks for
	hosts     int
	length    int64 // Content-Length; negative: there is none
	priority  string
	fault     string // why it is malformed; "": it is not
}

// begin makes r ready for another request.
func (r *request) begin(limit int) {
	*r = request{limit: limit, head: spare(r.head), cookie: spare(r.cookie), length: -1}
}

// spare returns the memory of b, unless it is much.
func spare(b []byte) []byte {
	const limit = 8 << 10
	if cap(b) > limit {
		return nil
	}
	return b[:0]
}

// malformed notes the first reason why the request is malformed.
func (r *request) malformed(reason string) {
	if r.fault == "" {
		r.fault = reason
	}
}

// full reports whether the head exceeds its limit: the rest of it is dropped.
func (r *request) full() bool { return len(r.head)+len(r.cookie) > r.limit }

// field takes the next field.
func (r *request) field(f hpack.HeaderField) {
	if r.fault != "" {
		return
	}
	if !validValue(f.Value) {
		r.malformed("invalid character in a field")
		return
	}
	if strings.HasPrefix(f.Name, ":") {
		r.pseudo(f)
		return
	}
	if !r.began {
		r.firstLine()
	}
	if !r.full() {
		r.regular(f.Name, f.Value)
	}
}

// pseudo takes a pseudo field.
func (r *request) pseudo(f hpack.HeaderField) {
	if r.began {
		r.malformed("pseudo field behind a regular one")
		return
	}
	var which uint8
	switch f.Name {
	case ":method":
		which, r.method = hasMethod, f.Value
	case ":scheme":
		which = hasScheme
		if f.Value != "http" && f.Value != "https" {
			r.malformed("scheme other than http and https")
		}
	case ":path":
		which, r.path = hasPath, f.Value
	case ":authority":
		which, r.authority = hasAuthority, f.Value
	case ":protocol":
		which, r.protocol = hasProtocol, f.Value
	default:
		r.malformed("unknown pseudo field")
		return
	}
	if r.has&which != 0 {
		r.malformed("pseudo field is repeated")
	}
	r.has |= which
}

// firstLine writes what precedes the regular fields, when all pseudo fields are there.
func (r *request) firstLine() {
	r.began = true
	method, target := r.method, r.path
	switch {
	case r.has&hasProtocol != 0:
		method, target = r.connect()
	case r.method == "CONNECT":
		if r.has != hasMethod|hasAuthority {
			r.malformed("CONNECT with other pseudo fields than :authority")
		}
		target = r.authority
	case r.has&^hasAuthority != hasMethod|hasScheme|hasPath:
		r.malformed("pseudo field is missing")
	case r.path == "" || r.path[0] != '/' && r.path != "*":
		r.malformed("malformed :path")
	}
	if !isToken(r.method) {
		r.malformed("malformed :method")
	}
	r.head = append(append(r.head, method...), ' ')
	r.head = append(append(r.head, target...), " HTTP/1.1\r\n"...)
	if r.authority != "" {
		r.line("host", r.authority)
	}
	if r.switches() {
		r.head = AppendUpgrade(r.head)
	}
}

// line appends a field line.
func (r *request) line(name, value string) {
	r.head = append(append(r.head, name...), ": "...)
	r.head = append(append(r.head, value...), "\r\n"...)
}

// regular takes a regular field.
func (r *request) regular(name, value string) {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		r.malformed("field is for one connection") // RFC 9113, 8.2.2
	case "te":
		if value != "trailers" {
			r.malformed("TE other than trailers")
			return
		}
		r.line(name, value)
	case "host":
		// It may stand in place of :authority, and may repeat it (RFC 9113, 8.3.1). Any
		// other is a second host, which HTTP/1.1 has a rule for.
		r.hosts++
		if r.hosts > 1 || !strings.EqualFold(value, r.authority) {
			r.line(name, value)
		}
	case "cookie": // RFC 9113, 8.2.3
		if len(r.cookie) > 0 {
			r.cookie = append(r.cookie, "; "...)
		}
		r.cookie = append(r.cookie, value...)
	case "content-length":
		n, ok := parseLength(value)
		if !ok || r.length >= 0 && r.length != n {
			r.malformed("malformed content-length")
			return
		}
		r.length = n
		if r.has&hasProtocol != 0 {
			r.malformed("CONNECT with a length")
		}
		r.line(name, value)
	case KeyName:
		if !r.switches() { // it has one of dynlb already
			r.line(name, value)
		}
	case "priority":
		r.priority = value
		r.line(name, value)
	default:
		if !validName(name) {
			r.malformed("malformed field name")
			return
		}
		r.line(name, value)
	}
}

// finish ends the head. end tells that the request has no content.
func (r *request) finish(end bool) {
	if !r.began {
		r.firstLine()
	}
	if len(r.cookie) > 0 {
		r.head = append(append(r.head, "cookie: "...), r.cookie...)
		r.head = append(r.head, "\r\n"...)
	}
	switch {
	case end && r.length > 0: // RFC 9113, 8.1.1
		r.malformed("content is missing")
	case !end && r.length < 0 && r.method != "CONNECT":
		r.head = append(r.head, "transfer-encoding: chunked\r\n"...)
	}
	r.head = append(r.head, "\r\n"...)
}

// trailer takes a field of the trailer section.
func (r *request) trailer(f hpack.HeaderField) {
	if !validName(f.Name) || !validValue(f.Value) {
		r.malformed("malformed trailer field")
	}
	if r.fault == "" && !r.full() {
		r.line(f.Name, f.Value)
	}
}
