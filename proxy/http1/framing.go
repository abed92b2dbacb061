package http1

import "math"

// parseLength reads the value of a Content-Length: digits, leading zeros among
// them (RFC 9110, 8.6). A list of equal values, which a recipient may take for
// one, is refused.
func parseLength(v []byte) (int64, *Error) {
	if len(v) == 0 {
		return 0, errLength
	}
	n := int64(0)
	for _, c := range v {
		digit := int64(c) - '0'
		if digit < 0 || digit > 9 || n > (math.MaxInt64-digit)/10 {
			return 0, errLength
		}
		n = 10*n + digit
	}
	return n, nil
}

// checkCoding checks that the value of a Transfer-Encoding is chunked and
// nothing else (RFC 9112, 6.1 and 7). Other codings before a final chunked are
// legal, but not supported; all other values make the end of the message
// uncertain (RFC 9112, 6.3).
func checkCoding(v []byte) *Error {
	if equalFold(v, "chunked") {
		return nil
	}
	for {
		coding, rest, more := cutElement(v)
		switch last := equalFold(coding, "chunked"); {
		case !isToken(coding), last == more:
			return errCoding
		case last:
			return errUnknownCoding
		}
		v = rest
	}
}

// checkTrailer checks that the value of a Trailer announces no field that would
// frame the message (RFC 9110, 6.5.1).
func checkTrailer(v []byte) *Error {
	for more := true; more; {
		var name []byte
		name, v, more = cutElement(v)
		if len(name) == 0 {
			continue
		}
		switch idOf(name) {
		case FieldContentLength, FieldTransferEncoding, FieldTrailer:
			return errTrailerField
		default:
		}
	}
	return nil
}

// frameRequest finds out how the content of a request is framed (RFC 9112,
// 6.3, items 3 to 7). Transfer-Encoding overrides Content-Length by the letter
// of item 3; but no client sends both that means well.
func (h *Head) frameRequest() *Error {
	coding, length := h.has[FieldTransferEncoding], h.has[FieldContentLength]
	switch {
	case coding && length:
		return errBothFramings
	case coding && h.Minor == 0:
		return errOldCoding // RFC 9112, 6.1
	case coding:
		h.Framing = Chunked
	case length:
		h.Framing = Sized
	}
	return nil
}

// frameResponse finds out how the content of a response with the given status
// is framed, to a HEAD request or another (RFC 9112, 6.3).
func (h *Head) frameResponse(status int, head bool) *Error {
	coding, length := h.has[FieldTransferEncoding], h.has[FieldContentLength]
	claims := coding || length && h.Length > 0
	switch {
	case coding && length:
		return errBothFramings
	case coding && h.Minor == 0:
		return errOldCoding
	case status < 200 && claims:
		return errBodyForbidden // RFC 9112, 6.1; RFC 9110, 8.6
	case status < 200:
		h.dropLength()
	case head, status == 304:
	case status == 204:
		// What is claimed to follow must not be there (RFC 9110, 8.6). In case it
		// is, the connection is not used again.
		h.KeepAlive = h.KeepAlive && !claims
		h.dropLength()
	case coding:
		h.Framing = Chunked
	case length:
		h.Framing = Sized
	default:
		h.Framing = UntilClose
		h.KeepAlive = false
	}
	return nil
}

// dropLength marks Content-Length, which the status does not allow.
func (h *Head) dropLength() {
	for i := range h.Fields {
		if h.Fields[i].ID == FieldContentLength {
			h.Fields[i].Drop = true
		}
	}
}
