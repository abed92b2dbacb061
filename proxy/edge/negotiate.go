package edge

import (
	"bytes"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// coding is a content coding (RFC 9110, 8.4.1).
type coding uint8

// The codings in the order of preference. For 64 KiB of JSON, zstd takes 0.3 ms and sends
// an eighth, br 0.9 ms and a ninth, gzip 0.4 ms and a seventh.
const (
	identity coding = iota
	zstdCoding
	brotliCoding
	gzipCoding
	codings
)

// String returns the name of the coding.
func (c coding) String() string { return [...]string{"identity", "zstd", "br", "gzip"}[c] }

// codingOf returns the coding that a client accepts with the highest weight in
// Accept-Encoding (RFC 9110, 12.5.3), or identity. A client that allows no transformation
// gets none (RFC 9111, 5.2.1.6).
func codingOf(h *http1.Head) coding {
	weights := [codings]float64{}
	named := [codings]bool{}
	wildcard := 0.0
	for i := range h.Fields {
		f := &h.Fields[i]
		switch {
		case is(f.Name, "cache-control") && hasToken(f.Value, "no-transform"):
			return identity
		case !is(f.Name, "accept-encoding"):
			continue
		}
		for element := range bytes.SplitSeq(f.Value, []byte(",")) {
			text, parameters, _ := bytes.Cut(element, []byte(";"))
			text = bytes.TrimSpace(text)
			if string(text) == "*" {
				wildcard = weight(parameters)
			}
			for c := range codings {
				if is(text, c.String()) || c == gzipCoding && is(text, "x-gzip") {
					weights[c], named[c] = weight(parameters), true
				}
			}
		}
	}
	best, highest := identity, 0.0
	for c := zstdCoding; c < codings; c++ {
		w := weights[c]
		if !named[c] {
			w = wildcard
		}
		if w > highest {
			best, highest = c, w
		}
	}
	if named[identity] && weights[identity] > highest {
		return identity
	}
	return best
}

// hasToken reports whether a list has a token, which is in lower case.
func hasToken(list []byte, token string) bool {
	for element := range bytes.SplitSeq(list, []byte(",")) {
		if is(bytes.TrimSpace(element), token) {
			return true
		}
	}
	return false
}

// minCompressed is the size of content below which compressing it saves nothing: most of
// what it saves is a part of one packet.
const minCompressed = 1 << 10

// compressibleTypes are the media types, besides text/*, +json and +xml, whose content is
// not compressed in itself.
var compressibleTypes = map[string]bool{
	"application/javascript": true, "application/json": true, "application/x-javascript": true, "application/xml": true,
	"application/x-ndjson": true, "application/wasm": true, "application/vnd.ms-fontobject": true, "application/rtf": true,
	"font/otf": true, "font/ttf": true, "image/bmp": true, "image/x-icon": true, "image/vnd.microsoft.icon": true,
}

// isCompressible reports whether content of a media type becomes smaller. A stream of
// events does, but the memory for that would be held for as long as it is open.
func isCompressible(value []byte) bool {
	media, _, _ := bytes.Cut(value, []byte(";"))
	name := strings.ToLower(string(bytes.TrimSpace(media)))
	switch {
	case name == "text/event-stream":
		return false
	case strings.HasPrefix(name, "text/"), strings.HasSuffix(name, "+json"), strings.HasSuffix(name, "+xml"):
		return true
	default:
		return compressibleTypes[name]
	}
}

// mayCompress reports whether the content of a response may be compressed: it is all of
// the content, becomes smaller, was not compressed before, and no field says otherwise or
// would be wrong then.
func mayCompress(r *http1.Response) bool {
	return r.Status >= 200 && r.Status != 204 && r.Status != 206 && r.Status != 304 && suits(r)
}

// suits reports whether the fields of a response let its content be compressed. A 304 need
// not have those that describe the content.
func suits(r *http1.Response) bool {
	typed := r.Status == 304
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case is(f.Name, "content-type"):
			typed = isCompressible(f.Value)
		case is(f.Name, "content-encoding") && !is(f.Value, "identity"),
			is(f.Name, "cache-control") && hasToken(f.Value, "no-transform"),
			is(f.Name, "content-range"), is(f.Name, "content-digest"), is(f.Name, "repr-digest"),
			is(f.Name, "digest"), is(f.Name, "content-md5"):
			return false
		case f.ID == http1.FieldContentLength && r.Status != 304 && r.Length < minCompressed:
			return false
		}
	}
	return typed
}
