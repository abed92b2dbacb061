package http1

// Request is the head of a request. Create one with NewRequest. Its slices are
// of the bytes that were parsed, and valid as long as those are.
type Request struct {
	// Method is a token. Methods are case-sensitive, and any is accepted.
	Method []byte
	// Target is the request target as it was sent, and Form is its form. Path is the
	// part of it for an origin server: path and query, or *. If an absolute target has
	// no path, Path is empty or begins with a question mark, and the reader must put a
	// slash before it. In authority form there is no Path.
	Target []byte
	Form   Form
	Path   []byte
	// Host is the authority that the request is for, as host or host:port. It is that
	// of an absolute target, or else the value of the Host field. It is empty only in
	// HTTP/1.0.
	Host []byte
	// Continue tells that the client waits for a 100 (Continue) before it sends
	// the content (RFC 9110, 10.1.1).
	Continue bool
	Head
}

// NewRequest returns a Request for messages within limits.
func NewRequest(limits Limits) *Request {
	return &Request{Head: newHead(limits.WithDefaults(), false)}
}

// Within reports whether r was made for limits, which have no zero fields.
func (r *Request) Within(limits Limits) bool { return r.limits == limits }

// Reset makes r ready for another request.
func (r *Request) Reset() {
	r.Head.reset()
	r.Method, r.Target, r.Form, r.Path, r.Host, r.Continue = nil, nil, 0, nil, nil, false
}

// Parse reads the head from b, which begins with the request and holds all of
// it that has arrived; bytes that follow it may be there too. It returns the
// length of the head, including an empty line before it, or 0 when it needs
// more: then b must hold the same bytes and more of them when Parse is called
// next, but may be other memory. Its error is an *Error. After the head and
// after an error, call Reset before the next Parse.
func (r *Request) Parse(b []byte) (int, error) {
	n, err := r.parse(b)
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (r *Request) parse(b []byte) (int, *Error) {
	resumed := r.at > 0
	n, err := r.readLines(b)
	if n > 0 && resumed {
		r.Reset() // the bytes that were read before may be in other memory now
		n, err = r.readLines(b)
	}
	if n == 0 || err != nil {
		return 0, err
	}
	return n, r.finish()
}

// readLines reads all lines. It returns the length of the head, 0 when b ends
// before it does.
func (r *Request) readLines(b []byte) (int, *Error) {
	if r.at == 0 {
		n, err := r.readRequestLine(b)
		if n == 0 || err != nil {
			return 0, err
		}
		r.at = n
	}
	return r.readFields(b)
}

// readRequestLine reads "method SP request-target SP HTTP-version CRLF" (RFC
// 9112, 3). It returns where the next line begins, 0 when b ends before the
// line does.
func (r *Request) readRequestLine(b []byte) (int, *Error) {
	// Some clients send a line end after the content of a POST (RFC 9112, 2.2).
	if len(b) > 0 && b[0] == '\r' {
		if n, err := lineEnd(b, 0, nil); n == 0 || err != nil {
			return 0, err
		}
		r.start = 2
	}
	limit := r.start + r.limits.Line
	line := b[r.start:min(len(b), limit)]
	n, err := r.readParts(line)
	if n == 0 && err == nil && r.start+len(line) == limit {
		return 0, errLineTooLong
	}
	if n == 0 || err != nil {
		return 0, err
	}
	return r.start + n, r.readTarget()
}

// isTLS reports whether b begins as the first record of a TLS client does: a handshake,
// of version 3.x (RFC 8446, 5.1).
func isTLS(b []byte) bool { return len(b) > 1 && b[0] == 0x16 && b[1] == 3 }

// readParts takes the request line apart. It returns its length.
func (r *Request) readParts(line []byte) (int, *Error) {
	i := 0
	for i < len(line) && class[line[i]]&tokenByte != 0 {
		i++
	}
	if i == len(line) {
		return 0, nil
	}
	if i == 0 || line[i] != ' ' {
		if isTLS(line) {
			return 0, errTLS
		}
		return 0, errMethod
	}
	r.Method = line[:i:i]
	i++
	start := i
	for i < len(line) && class[line[i]]&targetByte != 0 {
		i++
	}
	if i == len(line) {
		return 0, nil
	}
	if i == start || line[i] != ' ' {
		return 0, targetError(line[i], i == start)
	}
	r.Target = line[start:i:i]
	i++
	minor, n, err := readVersion(line[i:])
	if n == 0 || err != nil {
		return 0, err
	}
	r.Minor = minor
	i += n
	if i == len(line) {
		return 0, nil
	}
	n, err = lineEnd(line, i, errVersion)
	return n, err
}

// targetError returns the error for c, which cannot be in a target.
func targetError(c byte, start bool) *Error {
	switch {
	case c == '#':
		return errFragment
	case start && c == ' ':
		return errNoTarget
	case c == '\r', c == '\n':
		return errNoVersion
	default:
		return errTarget
	}
}

// readVersion reads an HTTP-version from the beginning of b (RFC 9112, 2.3). It
// returns the minor version and the length, 0 when b ends before it does.
func readVersion(b []byte) (minor, n int, err *Error) {
	const name = "HTTP/"
	if n := min(len(b), len(name)); string(b[:n]) != name[:n] {
		return 0, 0, errVersion
	}
	if len(b) < len("HTTP/1.1") {
		return 0, 0, nil
	}
	major, dot, digit := b[5]-'0', b[6], b[7]-'0'
	switch {
	case major > 9, dot != '.', digit > 9:
		return 0, 0, errVersion
	case major != 1:
		return 0, 0, errUnsupported
	default:
		return int(digit), len("HTTP/1.1"), nil
	}
}

// finish sets the fields that depend on the head as a whole.
func (r *Request) finish() *Error {
	if err := r.checkHost(); err != nil {
		return err
	}
	if err := r.frameRequest(); err != nil {
		return err
	}
	r.KeepAlive = r.persist()
	r.dropNamed()
	if r.wantsUpgrade() {
		r.Upgrade = r.asked
	}
	// RFC 9110, 10.1.1: ignored in HTTP/1.0, and meaningless without content.
	r.Continue = r.has[FieldExpect] && r.Minor > 0 && r.Framing != NoContent
	return nil
}

// checkHost checks that there is a Host, and that it is valid (RFC 9112, 3.2). An
// empty one is legal but refused: there is no host to pass on.
func (r *Request) checkHost() *Error {
	if !r.has[FieldHost] {
		if r.Minor > 0 {
			return errNoHost
		}
		return nil
	}
	if !validHost(r.host) {
		return errHost
	}
	if r.Form == OriginForm || r.Form == AsteriskForm {
		r.Host = r.host
	}
	return nil
}
