package fastpath

import (
	"bytes"
	"strconv"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// describe notes what is to be known of a request when its bytes are gone.
func (x *exchange) describe(r *http1.Request) {
	path, _, _ := bytes.Cut(r.Path, []byte("?")) // no query: it may hold secrets
	x.label = append(append(x.label[:0], r.Method...), path...)
	x.method = len(r.Method)
	x.toHead = string(r.Method) == "HEAD"
	x.idempotent = fault.Idempotent(string(r.Method))
	x.old = r.Minor == 0
	x.keep = r.KeepAlive
	x.content = r.Framing == http1.Chunked || r.Framing == http1.Sized && r.Length > 0
	x.chunkUp = r.Framing == http1.Chunked
	x.expects = r.Continue && x.content
	x.up = r.Body()
}

// refused returns why the request is not for a reverse proxy to forward, or nil.
func (x *exchange) refused(r *http1.Request) error {
	switch string(r.Method) {
	case "CONNECT":
		return fault.ErrConnect
	case "TRACE":
		return fault.ErrTrace
	}
	return nil
}

// writeRequest writes the request as the instance gets it: its head, which had n
// bytes, and of its content, unless it is to be waited for, what is in rest.
func (x *exchange) writeRequest(r *http1.Request, n int, rest []byte) {
	size := n + 2*len(r.Host) + len(x.client.remote) + 256
	if x.content && !x.expects {
		size += len(rest) + 64
	}
	b := x.loop.buffers.get(size)
	b = append(b, r.Method...)
	b = append(b, ' ')
	if r.Form == http1.AbsoluteForm && (len(r.Path) == 0 || r.Path[0] == '?') {
		b = append(b, '/')
	}
	b = append(b, r.Path...)
	b = append(b, " HTTP/1.1\r\n"...)
	if len(r.Host) > 0 {
		b = appendField(b, "Host: ", r.Host)
	} else {
		x.host = [2]int{len(b), len(b)} // the instance's own, when it is known
	}
	b = x.writeFields(b, r)
	if x.chunkUp {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if r.Upgrade != nil {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		x.asked = [2]int{len(b), len(b) + len(r.Upgrade)}
		b = append(append(b, r.Upgrade...), "\r\n"...)
	}
	b = append(b, "\r\n"...)
	if x.content && !x.expects {
		payload, used, _ := decode(&x.up, rest, nil) // was checked
		b = appendContent(b, payload, x.chunkUp, x.up.Done())
		rest = rest[used:]
	}
	x.head = b
	x.client.keep(rest)
}

// writeFields writes the fields of a request, and those that tell the instance
// about the client. What the client sent of these counts only when it is a
// trusted proxy: then its X-Forwarded-For is continued, and the others stay as
// they are.
func (x *exchange) writeFields(b []byte, r *http1.Request) []byte {
	trusted := x.settings.Trusts(x.client.remote)
	host, proto := r.Host, []byte("http")
	var hosts, protos, fors int
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.ID {
		case http1.FieldHost:
			continue
		case http1.FieldTE:
			if hasToken(f.Value, "trailers") {
				b = append(b, "TE: trailers\r\n"...)
			}
			continue
		case http1.FieldXForwardedFor:
			fors++
			continue
		case http1.FieldXForwardedHost:
			hosts++
			if hosts == 1 && trusted && len(f.Value) > 0 {
				host = f.Value
			}
			continue
		case http1.FieldXForwardedProto:
			protos++
			if protos == 1 && trusted && len(f.Value) > 0 {
				proto = f.Value
			}
			continue
		case http1.FieldContentLength: // has one way to be written
			b = append(append(b, f.Name...), ": "...)
			b = append(strconv.AppendInt(b, r.Length, 10), "\r\n"...)
			continue
		case http1.FieldForwarded, http1.FieldXRealIP:
			if !trusted {
				continue
			}
		case http1.FieldOther:
			if !trusted && isForwarded(f.Name) {
				continue
			}
		default:
		}
		if f.Drop {
			continue
		}
		b = append(append(b, f.Name...), ": "...)
		b = append(append(b, f.Value...), "\r\n"...)
	}
	if x.client.remote != "" {
		b = append(b, "X-Forwarded-For: "...)
		if trusted && fors > 0 {
			for i := range r.Fields {
				if f := &r.Fields[i]; f.ID == http1.FieldXForwardedFor {
					b = append(append(b, f.Value...), ", "...)
				}
			}
		}
		b = append(append(b, x.client.remote...), "\r\n"...)
	}
	b = appendField(b, "X-Forwarded-Host: ", host)
	return appendField(b, "X-Forwarded-Proto: ", proto)
}

// isForwarded reports whether a name begins with X-Forwarded-: there are more of
// the kind, such as -Port.
func isForwarded(name []byte) bool {
	const prefix = "x-forwarded-"
	return len(name) > len(prefix) && name[0]|0x20 == 'x' && bytes.EqualFold(name[:len(prefix)], []byte(prefix))
}

// hasToken reports whether a comma-separated list has a token.
func hasToken(list []byte, token string) bool {
	for more := true; more; {
		var element []byte
		element, list, more = bytes.Cut(list, []byte(","))
		if bytes.EqualFold(bytes.Trim(element, " \t"), []byte(token)) {
			return true
		}
	}
	return false
}

func appendField(b []byte, name string, value []byte) []byte {
	b = append(append(b, name...), value...)
	return append(b, "\r\n"...)
}

// appendContent appends payload, as one chunk if it is to be chunked; last says
// that it is the end.
func appendContent(b, payload []byte, chunked, last bool) []byte {
	if !chunked {
		return append(b, payload...)
	}
	if len(payload) > 0 {
		b = append(http1.AppendChunkSize(b, len(payload)), payload...)
		b = append(b, http1.ChunkEnd...)
	}
	if last {
		b = append(b, http1.LastChunk...)
	}
	return b
}

// decode takes the payload out of b, and moves it together. It returns it, and
// how much of b belongs to the message. It appends the trailer section to
// trailer, unless that is nil.
func decode(body *http1.Body, b []byte, trailer *[]byte) (payload []byte, used int, err error) {
	for used < len(b) && !body.Done() {
		inTrailer := trailer != nil && body.InTrailer()
		n, run, err := body.Next(b[used:])
		if err != nil {
			return nil, used, err
		}
		if inTrailer {
			*trailer = append(*trailer, b[used:used+n]...)
		}
		if used += n; payload == nil {
			payload = run
		} else {
			payload = append(payload, run...) // in b, before what was not read yet
		}
	}
	return payload, used, nil
}
