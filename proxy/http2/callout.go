package http2

import (
	"iter"
	"strconv"

	"github.com/dynlb/dynlb/proxy/http1"
)

// The indexes of the pseudo fields in the static table (RFC 7541, appendix A).
const (
	staticAuthority  = 1
	staticMethod     = 2
	staticPath       = 4
	staticSchemeHTTP = 6 // with its value
)

// Begin begins a call: it sends the head of a request, as package http1 has read it. call
// is zero but for its Owner. There must be room for it; see Free. If the request has no
// content, all of it is sent, unless it is for a WebSocket; see Switches.
func (c *Caller) Begin(call *Call, r *http1.Request) {
	*call = Call{
		Owner: call.Owner, id: c.next, open: true, toHead: string(r.Method) == "HEAD",
		send: c.peer.window, receive: int64(c.config.StreamWindow), left: -1,
	}
	c.next += 2
	c.calls[call.id] = call
	c.tail = tail{stream: call.id, at: len(c.out)}
	c.out = c.peer.appendHeaders(c.out, call.id)
	if c.connects && Switches(r) {
		c.connect(call, r)
	} else {
		c.out = appendIndexed(c.out, staticMethod, r.Method)
	}
	c.out = append(c.out, 0x80|staticSchemeHTTP)
	c.out = appendIndexed(c.out, staticPath, r.Path)
	if len(r.Host) > 0 {
		c.out = appendIndexed(c.out, staticAuthority, r.Host)
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; !call.switches || !isKey(f) {
			c.addRequestField(f, r.Length)
		}
	}
	c.out = endBlock(c.out, c.tail.at, call.id)
	c.tail.end = len(c.out)
	if !r.HasContent() && !call.switches {
		c.End(call)
	}
}

// addRequestField adds a field of a request, unless it frames the message of HTTP/1.1 or
// concerns its connection.
func (c *Caller) addRequestField(f *http1.Field, length int64) {
	switch {
	case f.ID == http1.FieldHost:
	case f.ID == http1.FieldTE:
		c.out = appendField(c.out, f.Name, trailers)
	case f.ID == http1.FieldTrailer: // it announces what EndWith sends
		c.out = appendField(c.out, f.Name, f.Value)
	case f.Drop:
	case f.ID == http1.FieldContentLength:
		c.out = appendField(c.out, f.Name, strconv.AppendInt(nil, length, 10))
	default:
		c.out = appendField(c.out, f.Name, f.Value)
	}
}

// trailers is the one value that TE may have (RFC 9113, 8.2.2).
var trailers = []byte("trailers")

// appendIndexed appends a field whose name has an index, without a change of the table
// (RFC 7541, 6.2.2).
func appendIndexed(b []byte, index uint64, value []byte) []byte {
	return appendString(appendInteger(b, 0, 4, index), value)
}

// Write sends content, as much of it as the server takes now. It returns how much. When
// that is not all, CallHandler.Writable is called later.
func (c *Caller) Write(call *Call, b []byte) int {
	written := 0
	for call.open && len(b) > 0 {
		n := int(min(int64(len(b)), maxFrame, call.send, c.send))
		if n <= 0 {
			break
		}
		c.tail = tail{stream: call.id, at: len(c.out)}
		c.out = append(appendFrame(c.out, n, frameData, 0, call.id), b[:n]...)
		c.tail.end = len(c.out)
		call.send -= int64(n)
		c.send -= int64(n)
		written += n
		b = b[n:]
	}
	return written
}

// EndWith ends the request with a trailer section, of the fields that trailer yields.
func (c *Caller) EndWith(call *Call, trailer iter.Seq2[[]byte, []byte]) {
	if !call.open || call.finished {
		return
	}
	at := len(c.out)
	for name, value := range trailer {
		if len(c.out) == at {
			c.out = c.peer.appendHeaders(c.out, call.id)
		}
		c.out = appendField(c.out, name, value)
	}
	if len(c.out) == at {
		c.End(call)
		return
	}
	c.out[at+4] |= flagEndStream
	c.out = endBlock(c.out, at, call.id)
	c.finish(call)
}

// finish notes that all of the request was sent.
func (c *Caller) finish(call *Call) {
	c.tail = tail{}
	call.finished = true
	if call.ended {
		c.drop(call)
	}
}

// End ends the request.
func (c *Caller) End(call *Call) {
	if !call.open || call.finished {
		return
	}
	if c.tail.stream == call.id && c.tail.end == len(c.out) && len(c.out) > 0 {
		c.out[c.tail.at+4] |= flagEndStream
	} else {
		c.out = appendFrame(c.out, 0, frameData, flagEndStream, call.id)
	}
	c.finish(call)
}
