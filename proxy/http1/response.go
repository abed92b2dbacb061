package http1

// Response is the head of a response. Create one with NewResponse. Its slices
// are of the bytes that were parsed, and valid as long as those are.
type Response struct {
	// Status is from 100 to 999. HTTP defines none from 600 up (RFC 9110, 15), but
	// some applications use them.
	Status int
	// Reason is the reason phrase. It may be empty.
	Reason []byte
	Head

	toHead, mayUpgrade bool
}

// NewResponse returns a Response for messages within limits. It does not use
// Limits.Field.
func NewResponse(limits Limits) *Response {
	limits = limits.WithDefaults()
	limits.Field = limits.Head
	return &Response{Head: newHead(limits, true)}
}

// Within reports whether r was made for limits, which have no zero fields.
func (r *Response) Within(limits Limits) bool {
	limits.Field = limits.Head
	return r.limits == limits
}

// Reset makes r ready for another response: to a request of method HEAD or
// another, which asked to switch protocols or not. After an informational
// response (1xx, but for 101) another one follows to the same request.
func (r *Response) Reset(head, upgrade bool) {
	r.Head.reset()
	r.Status, r.Reason, r.toHead, r.mayUpgrade = 0, nil, head, upgrade
}

// Informational reports whether the response is not the final one to its
// request (RFC 9110, 15.2). A 101 is final.
func (r *Response) Informational() bool { return r.Status < 200 && r.Status != 101 }

// Parse reads the head from b just as Request.Parse does. The status of its
// errors is 502.
func (r *Response) Parse(b []byte) (int, error) {
	n, err := r.parse(b)
	if err != nil {
		return 0, err.inResponse()
	}
	return n, nil
}

func (r *Response) parse(b []byte) (int, *Error) {
	resumed := r.at > 0
	n, err := r.readLines(b)
	if n > 0 && resumed {
		r.Reset(r.toHead, r.mayUpgrade) // the bytes that were read before may be in other memory now
		n, err = r.readLines(b)
	}
	if n == 0 || err != nil {
		return 0, err
	}
	return n, r.finish()
}

// readLines reads all lines. It returns the length of the head, 0 when b ends
// before it does.
func (r *Response) readLines(b []byte) (int, *Error) {
	if r.at == 0 {
		line := b[:min(len(b), r.limits.Line)]
		n, err := r.readStatusLine(line)
		if n == 0 && err == nil && len(line) == r.limits.Line {
			return 0, errStatusTooLong
		}
		if n == 0 || err != nil {
			return 0, err
		}
		r.at = n
	}
	return r.readFields(b)
}

// readStatusLine reads "HTTP-version SP status-code SP [ reason-phrase ] CRLF"
// (RFC 9112, 4). The second space may be missing if the reason is empty: several
// servers leave it out, and nothing depends on it. It returns the length of the
// line, 0 when b ends before it does.
func (r *Response) readStatusLine(b []byte) (int, *Error) {
	minor, i, err := readVersion(b)
	if i == 0 || err != nil {
		return 0, err
	}
	r.Minor = minor
	if len(b) < i+5 {
		return 0, nil
	}
	hundreds, tens, ones := b[i+1]-'0', b[i+2]-'0', b[i+3]-'0'
	if b[i] != ' ' || hundreds < 1 || hundreds > 9 || tens > 9 || ones > 9 {
		return 0, errStatusLine
	}
	r.Status = 100*int(hundreds) + 10*int(tens) + int(ones)
	i += 4
	start := i
	for {
		i += indexControl(b[i:])
		if i == len(b) {
			return 0, nil
		}
		if b[i] != '\t' {
			break
		}
		i++
	}
	r.Reason = b[start:i:i]
	if len(r.Reason) > 0 {
		if r.Reason[0] != ' ' {
			return 0, errStatusLine
		}
		r.Reason = r.Reason[1:]
	}
	n, err := lineEnd(b, i, errStatusLine)
	return n, err
}

// finish sets the fields that depend on the head as a whole.
func (r *Response) finish() *Error {
	r.KeepAlive = r.persist()
	if err := r.frameResponse(r.Status, r.toHead); err != nil {
		return err
	}
	r.dropNamed()
	if r.Status != 101 {
		return nil
	}
	// RFC 9110, 15.2.2.
	if !r.mayUpgrade || r.Minor == 0 || !r.has[FieldUpgrade] || !r.options.upgrade {
		return errSwitch
	}
	r.Upgrade = r.asked
	return nil
}
