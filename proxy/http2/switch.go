package http2

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // G505: RFC 6455 prescribes it
	"encoding/base64"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Connects reports whether the server takes an extended CONNECT (RFC 8441, 3), by which a
// call becomes a WebSocket.
func (c *Caller) Connects() bool { return c.connects }

// Switches reports whether a request of HTTP/1.1 asks for a WebSocket. Begin sends it as an
// extended CONNECT, if the server takes one: what is written afterwards are the bytes of
// the WebSocket, as are those behind the 101 in place of a response of 2xx.
func Switches(r *http1.Request) bool { return bytes.EqualFold(r.Upgrade, []byte(WebSocket)) }

// connect sends the pseudo fields of an extended CONNECT, but those that all requests have.
func (c *Caller) connect(call *Call, r *http1.Request) {
	call.switches = true
	for i := range r.Fields {
		if f := &r.Fields[i]; isKey(f) {
			call.key = bytes.Clone(f.Value)
		}
	}
	c.out = appendIndexed(c.out, staticMethod, []byte("CONNECT"))
	c.out = appendField(c.out, []byte(":protocol"), []byte(WebSocket))
}

// isKey reports whether a field is the key of a WebSocket.
func isKey(f *http1.Field) bool { return bytes.EqualFold(f.Name, []byte(KeyName)) }

// writeSwitch writes what the head of a 101 has that the response of 2xx in its place does
// not have (RFC 6455, 4.2.2).
func (a *answer) writeSwitch() {
	c, call := a.caller, a.call
	call.headed, call.left = true, -1
	c.text = append(c.text, "Connection: Upgrade\r\nUpgrade: "+WebSocket+"\r\n"...)
	if len(call.key) == 0 {
		return
	}
	sum := sha1.Sum(append(call.key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...)) //nolint:gosec // G401: as above
	c.text = append(c.text, "Sec-WebSocket-Accept: "...)
	c.text = append(base64.StdEncoding.AppendEncode(c.text, sum[:]), "\r\n"...)
}
