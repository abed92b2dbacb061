package forward

import (
	"bytes"
	"iter"
	"net/http"
	"slices"
	"strconv"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Continue is the response that asks a client for the content of its request
// (RFC 9110, 15.2.1).
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// Client is what the head of a response depends on besides the response.
type Client struct {
	// HTTP10 tells that the client speaks HTTP/1.0: it knows no chunked coding,
	// no informational responses, and closes unless told otherwise.
	HTTP10 bool
	// Last tells that no other request may follow on the connection.
	Last bool
	// AltSvc is the value of a field Alt-Svc, which a response gets that has none. Empty:
	// none does.
	AltSvc string
}

// Delivery is how the content of a response goes to the client.
type Delivery struct {
	// Chunked tells that the content goes in chunks.
	Chunked bool
	// UntilClose tells that the end of the connection is the end of the content.
	UntilClose bool
	// Last tells that no other request may follow on the connection: Client said
	// so, or UntilClose is set.
	Last bool
}

// AppendResponse appends the head of a final response, other than a 101, as the
// client gets it. date is the value of a Date field: an instance may leave it
// out, a proxy may not (RFC 9110, 6.6.1). The head always says HTTP/1.1, the
// version that the proxy speaks (RFC 9110, 2.5).
func AppendResponse(b []byte, r *http1.Response, to Client, date []byte) ([]byte, Delivery) {
	d := Delivery{Last: to.Last}
	b = appendStatus(b, r)
	b, dated := appendResponseFields(b, r)
	if !dated {
		b = appendField(b, "Date: ", date)
	}
	if r.Framing == http1.Chunked || r.Framing == http1.UntilClose {
		if to.HTTP10 {
			d.UntilClose, d.Last = true, true
		} else {
			d.Chunked = true
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
			b = appendAnnouncement(b, r)
		}
	}
	if to.AltSvc != "" && !HasAltSvc(r) {
		b = append(append(append(b, "Alt-Svc: "...), to.AltSvc...), "\r\n"...)
	}
	b = appendConnection(b, r, to.HTTP10, d.Last)
	return append(b, "\r\n"...), d
}

// appendConnection appends the Connection field of a final response, where there is
// something to say. A 426 (Upgrade Required) keeps its Upgrade, which is what it is
// about (RFC 9110, 15.5.22); in any other response an Upgrade is an offer that is for
// the proxy, not for the client.
func appendConnection(b []byte, r *http1.Response, http10, last bool) []byte {
	if http10 {
		if !last {
			b = append(b, "Connection: keep-alive\r\n"...)
		}
		return b
	}
	if r.Status == http.StatusUpgradeRequired {
		for i := range r.Fields {
			if f := &r.Fields[i]; f.ID == http1.FieldUpgrade { // http1 accepts only one
				b = appendField(b, "Upgrade: ", f.Value)
				b = append(b, "Connection: Upgrade\r\n"...)
			}
		}
	}
	if last {
		b = append(b, "Connection: close\r\n"...)
	}
	return b
}

// AppendInterim appends the head of an informational response. It must not be
// sent to a client of HTTP/1.0 (RFC 9110, 15.2).
func AppendInterim(b []byte, r *http1.Response) []byte {
	b, _ = appendResponseFields(appendStatus(b, r), r)
	return append(b, "\r\n"...)
}

// appendStatus appends the status line.
func appendStatus(b []byte, r *http1.Response) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = append(b, r.Reason...)
	return append(b, "\r\n"...)
}

// appendResponseFields appends the fields of a response that pass. dated reports
// whether there is a Date among them.
func appendResponseFields(b []byte, r *http1.Response) (_ []byte, dated bool) {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Drop {
			continue
		}
		dated = dated || isDate(f.Name)
		b = appendPassing(b, f, r.Length)
	}
	return b, dated
}

// HasAltSvc reports whether a response has a field Alt-Svc that passes.
func HasAltSvc(r *http1.Response) bool {
	return slices.ContainsFunc(r.Fields, func(f http1.Field) bool {
		return !f.Drop && len(f.Name) == len("Alt-Svc") && bytes.EqualFold(f.Name, []byte("Alt-Svc"))
	})
}

func isDate(name []byte) bool {
	return len(name) == len("Date") && name[0]|0x20 == 'd' && bytes.EqualFold(name, []byte("Date"))
}

// appendAnnouncement appends the fields that say what will be in the trailer
// section (RFC 9110, 6.6.2).
func appendAnnouncement(b []byte, r *http1.Response) []byte {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == http1.FieldTrailer {
			b = appendField(b, "Trailer: ", f.Value)
		}
	}
	return b
}

// Fields yields the fields of a response, final or informational, that a client
// of HTTP/2 gets: all that pass, without Date, Connection and framing of the
// proxy's own. Content-Length is among them when the response has one, and
// Trailer when there will be a trailer section. The slices are valid until the
// next one is yielded.
func Fields(r *http1.Response) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := range r.Fields {
			f := &r.Fields[i]
			value := f.Value
			switch {
			case f.ID == http1.FieldTrailer && r.Framing == http1.Chunked:
			case f.Drop:
				continue
			case f.ID == http1.FieldContentLength:
				value = strconv.AppendInt(nil, r.Length, 10)
			}
			if !yield(f.Name, value) {
				return
			}
		}
	}
}
