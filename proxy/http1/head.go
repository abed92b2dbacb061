package http1

import "bytes"

// Framing tells how the end of the content is found (RFC 9112, 6.3).
type Framing uint8

// The framings.
const (
	NoContent  Framing = iota // the message ends with its head
	Sized                     // Content-Length gives the size, which may be 0
	Chunked                   // the chunked coding marks the end
	UntilClose                // the end of the connection is the end; responses only
)

// Head is what the heads of requests and responses have in common.
type Head struct {
	// Minor is the second digit of the version. More than 1 means the same as 1
	// (RFC 9110, 2.5).
	Minor int
	// Fields are the header fields, in order. The slice is reused by the next
	// message.
	Fields []Field
	// Framing tells how the content ends, and Length how many bytes it has when
	// that is Sized.
	Framing Framing
	Length  int64
	// KeepAlive tells that another message may follow on the connection (RFC
	// 9112, 9.3).
	KeepAlive bool
	// Timeout is how many seconds the peer keeps the connection while it is idle, as
	// Keep-Alive says; 0: it does not say.
	Timeout int
	// Underscored tells that a field is dropped because of an underscore in its name.
	Underscored bool
	// Upgrade is the list of protocols that the client asks to switch to, or
	// those that the server switches to; nil when there is no switch. The fields
	// that say so are marked to be dropped, as all hop-by-hop fields are: a proxy
	// that passes the request on writes Connection and Upgrade anew.
	Upgrade []byte

	limits   Limits
	response bool
	start    int // of the first line
	at       int // of the line to read next; 0 before the first line is read

	// What the fields said, as far as they are read.
	has     [lastField + 1]bool // which fields came, by ID
	host    []byte              // the value of Host
	asked   []byte              // the value of Upgrade
	options options             // of Connection
}

// HasContent reports whether the message has content, as far as its head tells: one
// with chunks may turn out to be empty.
func (h *Head) HasContent() bool {
	return h.Framing == Chunked || h.Framing == UntilClose || h.Framing == Sized && h.Length > 0
}

func newHead(limits Limits, response bool) Head {
	return Head{Fields: make([]Field, 0, min(limits.Fields, keptFields)), limits: limits, response: response}
}

// keptFields is the number of fields for which a head keeps memory between messages.
const keptFields = 100

// isCookie reports whether a field line, of which b may be the beginning, is a Cookie.
func isCookie(b []byte) bool {
	const name = "cookie:"
	return len(b) >= len(name) && b[0]|0x20 == 'c' && bytes.EqualFold(b[:len(name)], []byte(name))
}

// reset makes the head ready for another message, and drops its references to
// the bytes of the last one.
func (h *Head) reset() {
	clear(h.Fields)
	fields := h.Fields[:0]
	if cap(fields) > keptFields {
		fields = make([]Field, 0, keptFields)
	}
	*h = Head{Fields: fields, limits: h.limits, response: h.response}
}

// readFields reads field lines up to and with the empty line that ends the
// head. It returns the length of the head, 0 when b ends before it does.
func (h *Head) readFields(b []byte) (int, *Error) {
	for {
		limit, tooLong := h.start+h.limits.Head, errHeadTooLong
		if field := h.at + h.limits.Field; field < limit && !isCookie(b[h.at:]) {
			limit, tooLong = field, errFieldTooLong
		}
		line := b[h.at:min(len(b), limit)]
		n, last, err := h.readLine(line)
		if err != nil {
			return 0, err
		}
		if n == 0 && h.at+len(line) == limit {
			return 0, tooLong
		}
		if n == 0 {
			return 0, nil
		}
		h.at += n
		if last {
			return h.at, nil
		}
	}
}

// readLine reads a field line, or the empty line that is the last one. It
// returns its length, 0 when b ends before it does.
func (h *Head) readLine(b []byte) (n int, last bool, err *Error) {
	if len(b) == 0 {
		return 0, false, nil
	}
	if b[0] == '\r' {
		n, err = lineEnd(b, 0, nil)
		return n, true, err
	}
	if len(h.Fields) == h.limits.Fields {
		return 0, false, errTooManyFields
	}
	count := len(h.Fields)
	h.Fields = append(h.Fields, Field{})
	f := &h.Fields[count]
	n, err = f.read(b)
	if n == 0 || err != nil {
		*f = Field{}
		h.Fields = h.Fields[:count]
		return 0, false, err
	}
	if f.ID == FieldOther {
		f.Drop = f.Drop && !h.response && (!h.limits.Underscores || imitates(f.Name))
		h.Underscored = h.Underscored || f.Drop
		return n, false, nil
	}
	f.Drop = f.ID <= lastHop
	return n, false, h.note(f)
}

// note records what a field says about the message.
func (h *Head) note(f *Field) (err *Error) {
	again := h.has[f.ID]
	h.has[f.ID] = true
	switch f.ID {
	case FieldContentLength:
		if again {
			return errTwoLengths
		}
		h.Length, err = parseLength(f.Value)
	case FieldTransferEncoding:
		if again {
			return errTwoCodings
		}
		err = checkCoding(f.Value)
	case FieldTrailer:
		err = checkTrailer(f.Value)
	case FieldConnection:
		err = h.options.read(f.Value, h.limits.Options)
	case FieldUpgrade:
		if again {
			return errTwoUpgrades
		}
		h.asked = f.Value
		err = checkUpgrade(f.Value)
	case FieldKeepAlive:
		h.Timeout = timeoutOf(f.Value)
	case FieldHost:
		if again && !h.response {
			return errTwoHosts
		}
		h.host = f.Value
	case FieldExpect:
		if !h.response && !equalFold(f.Value, "100-continue") {
			return errExpectation // RFC 9110, 10.1.1
		}
	default:
	}
	return err
}
