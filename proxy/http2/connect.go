package http2

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
)

// WebSocket is the protocol that an extended CONNECT may ask for (RFC 8441, 5), and KeyName
// the field that a request for a WebSocket has in HTTP/1.1 only.
const (
	WebSocket = "websocket"
	KeyName   = "sec-websocket-key"
)

// switches reports whether the request asks to switch its stream to a WebSocket.
func (r *request) switches() bool { return r.protocol == WebSocket && r.method == "CONNECT" }

// connect checks an extended CONNECT (RFC 8441, 4), and returns the method and the target of
// the same request in HTTP/1.1: a GET that asks for an upgrade. With a protocol that is not
// known it is a CONNECT, which the rules for HTTP/1.1 turn away.
func (r *request) connect() (method, target string) {
	switch {
	case r.method != "CONNECT":
		r.malformed(":protocol without CONNECT")
	case r.has != hasMethod|hasScheme|hasPath|hasAuthority|hasProtocol:
		r.malformed("pseudo field is missing")
	case r.path == "" || r.path[0] != '/':
		r.malformed("malformed :path")
	case !isToken(r.protocol):
		r.malformed("malformed :protocol")
	}
	if !r.switches() {
		return r.method, r.authority
	}
	return "GET", r.path
}

// AppendUpgrade appends what makes a request of HTTP/1.1 one for a WebSocket (RFC 6455,
// 4.1). The key shows caches that the response is none of theirs.
func AppendUpgrade(b []byte) []byte {
	var key [16]byte
	binary.NativeEndian.PutUint64(key[:], rand.Uint64())
	binary.NativeEndian.PutUint64(key[8:], rand.Uint64())
	b = append(b, "connection: upgrade\r\nupgrade: "+WebSocket+"\r\n"+KeyName+": "...)
	return append(base64.StdEncoding.AppendEncode(b, key[:]), "\r\n"...)
}
