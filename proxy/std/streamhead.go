package std

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/http2"
)

// errLineEnd reports that a field of a request contains a line end.
var errLineEnd = &http1.Error{Status: http.StatusBadRequest, Reason: "line end in a header field"}

// appendHead writes the head of a request of HTTP/2 or HTTP/3 as one of HTTP/1.1, for
// package http1 to check, and appends it to b. If the length of the content is unknown, the head says
// that the content is chunked.
//
// An extended CONNECT for a WebSocket (RFC 8441, RFC 9220) is a GET that asks for an upgrade. One for
// another protocol is a CONNECT, which the rules for HTTP/1.1 turn away.
func appendHead(b []byte, r *http.Request) []byte {
	method, target := r.Method, r.RequestURI
	protocol := r.Header[protocolName]
	switches := len(protocol) > 0 && protocol[0] == http2.WebSocket
	switch {
	case switches:
		method = http.MethodGet
	case len(protocol) > 0:
		target = r.Host
	}
	for _, s := range []string{method, " ", target, " HTTP/1.1\r\nHost: ", r.Host, "\r\n"} {
		b = append(b, s...)
	}
	if switches {
		b = http2.AppendUpgrade(b)
	}
	for name, values := range r.Header {
		switch {
		case name == "Host" && repeatsHost(values, r.Host), name == protocolName, name == "Sec-Websocket-Key" && switches:
			continue
		}
		for _, value := range values {
			b = appendLine(b, name, value)
		}
	}
	if len(r.Trailer) > 0 { // net/http has taken the announcement out of the fields
		b = appendLine(b, "Trailer", strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ", "))
	}
	if r.ContentLength < 0 && r.Method != http.MethodConnect {
		b = appendLine(b, "Transfer-Encoding", "chunked")
	}
	return append(b, "\r\n"...)
}

// protocolName is where net/http has the protocol that an extended CONNECT asks for, and
// where Session.ServeHTTP puts it.
const protocolName = ":protocol"

// appendLine appends a field line.
func appendLine(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// repeatsHost reports whether a request has one Host field, and its value is host. A
// client may send such a field instead of :authority, or in addition to it (RFC 9113,
// 8.3.1).
func repeatsHost(values []string, host string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], host)
}
