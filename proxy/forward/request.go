package forward

import (
	"bytes"
	"strconv"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Peer is the client whose request is forwarded: the other end of the
// connection on which it came.
type Peer struct {
	// IP is its address, without port and zone. It is empty when the peer has
	// none, as on a Unix socket.
	IP string
	// Trusted tells that the peer is a proxy whose forwarded fields are believed.
	Trusted bool
	// Scheme is http or https, as the peer spoke it.
	Scheme string
	// Strip is how many bytes at the beginning of the path are for the router alone.
	// The instance does not get them there; X-Forwarded-Prefix tells it.
	Strip int
	// Trailers tells that the instance gets the trailer section of the request, and its
	// announcement.
	Trailers bool
	// Standard tells that the instance gets Forwarded (RFC 7239) besides X-Forwarded-*.
	Standard bool
}

// Path returns the path of a request's target as it was sent, without the query,
// which may hold secrets. It is "/" for an absolute target without a path.
func Path(r *http1.Request) []byte {
	path, _, _ := bytes.Cut(r.Path, []byte("?"))
	if len(path) == 0 && r.Form == http1.AbsoluteForm {
		return root
	}
	return path
}

var root = []byte("/")

// Span is a part of a head: the bytes from Start up to End.
type Span struct{ Start, End int }

// IsSet reports whether there is such a part. It may be empty.
func (s Span) IsSet() bool { return s.End > 0 }

// Of returns the part of head that s spans.
func (s Span) Of(head []byte) []byte { return head[s.Start:s.End] }

// Marks are the places in the head of a request that are needed later.
type Marks struct {
	// Host is where the instance's own Host belongs, when the client named none.
	// Otherwise it is not set. See InsertHost.
	Host Span
	// Upgrade is the list of protocols that the client asks to switch to. It is
	// not set when it asks for none. See Switches.
	Upgrade Span
	// Replaced tells that fields which describe the client did not pass, because the
	// peer is not trusted.
	Replaced bool
}

// RequestSize returns the maximum length of the head that AppendRequest writes. head is
// the length of the head that was parsed.
func RequestSize(r *http1.Request, head int, from Peer) int {
	// Each field may get a space after its colon. The constant is more than all
	// that AppendRequest adds: names, scheme, framing and digits.
	size := head + len(r.Fields) + 2*len(r.Host) + len(from.IP) + from.Strip + 256
	if from.Trusted {
		size += head // what Forwarded says, as X-Forwarded-*
	}
	if from.Standard {
		size += 128 + len(r.Host) + len(from.IP)
		if from.Trusted { // :: and a comma are the shortest address
			size += 2 * head * perAddress
		}
	}
	return size
}

// AppendRequest appends the head of a request as the instance gets it. Its
// target, if it was absolute, becomes a path; its framing, host and length have
// one spelling. An Upgrade passes only if r.Upgrade is set. The head has no Host
// when the client named none: the marks say where it belongs.
func AppendRequest(b []byte, r *http1.Request, from Peer) ([]byte, Marks) {
	var marks Marks
	b = append(append(b, r.Method...), ' ')
	path := r.Path[from.Strip:]
	if r.Form != http1.AuthorityForm && (len(path) == 0 || path[0] == '?') { // of an absolute target, or all is stripped
		b = append(b, '/')
	}
	b = append(append(b, path...), " HTTP/1.1\r\n"...)
	if len(r.Host) > 0 {
		b = appendField(b, "Host: ", r.Host)
	} else {
		marks.Host = Span{len(b), len(b)}
	}
	b, claims := appendRequestFields(b, r, from)
	marks.Replaced = claims.replaced
	b = appendForwarded(b, r, from, claims)
	if from.Standard {
		b = appendStandard(b, r, from, claims)
	}
	if r.Framing == http1.Chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if r.Upgrade != nil {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		marks.Upgrade = Span{len(b), len(b) + len(r.Upgrade)}
		b = append(append(b, r.Upgrade...), "\r\n"...)
	}
	return append(b, "\r\n"...), marks
}

// appendRequestFields appends the fields of a request that pass. It returns what
// the others say about the client, for appendForwarded.
func appendRequestFields(b []byte, r *http1.Request, from Peer) ([]byte, claims) {
	var c claims
	trusted, trailers := from.Trusted, false
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.ID {
		case http1.FieldHost:
			continue
		case http1.FieldTE: // RFC 9110, 10.1.4: the one coding that is not for this hop only
			if !trailers && hasElement(f.Value, trailersToken) {
				trailers = true
				b = append(b, "TE: trailers\r\n"...)
			}
			continue
		case http1.FieldXForwardedFor, http1.FieldXForwardedHost, http1.FieldXForwardedProto:
			if trusted {
				c.note(f)
			}
			c.replaced = !trusted
			continue
		case http1.FieldForwarded, http1.FieldXRealIP:
			if !trusted {
				c.replaced = true
				continue
			}
			if f.ID == http1.FieldForwarded && (!c.agrees(r) || from.Standard) {
				continue
			}
		case http1.FieldOther:
			if !trusted && isForwarded(f.Name) {
				c.replaced = true
				continue
			}
			if from.Strip > 0 && bytes.EqualFold(f.Name, prefixField) {
				c.notePrefix(f)
				continue
			}
		case http1.FieldTrailer:
			if from.Trailers {
				b = appendSame(b, f)
			}
			continue
		default:
		}
		if !f.Drop {
			b = appendPassing(b, f, r.Length)
		}
	}
	return b, c
}

var trailersToken = []byte("trailers")

// appendPassing appends a field that passes. length is the value of a
// Content-Length, which has more than one spelling: 007 is 7 to some programs
// and octal to others.
func appendPassing(b []byte, f *http1.Field, length int64) []byte {
	if f.ID != http1.FieldContentLength {
		return appendSame(b, f)
	}
	b = append(append(b, f.Name...), ": "...)
	return append(strconv.AppendInt(b, length, 10), "\r\n"...)
}

// InsertHost appends a copy of head to b, which is empty. The copy has a Host field at
// marks.Host, in place of one that an earlier call has inserted. InsertHost adapts the
// marks to the copy.
func InsertHost(b, head []byte, marks *Marks, host string) []byte {
	b = append(append(b, head[:marks.Host.Start]...), "Host: "...)
	b = append(append(b, host...), "\r\n"...)
	end := len(b)
	b = append(b, head[marks.Host.End:]...)
	marks.Host.End = end
	if marks.Upgrade.IsSet() {
		moved := len(b) - len(head)
		marks.Upgrade.Start += moved
		marks.Upgrade.End += moved
	}
	return b
}
