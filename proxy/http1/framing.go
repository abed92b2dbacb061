package http1

import "math"

// parseLength reads the value of a Content-Length: digits, with or without
// leading zeros (RFC 9110, 8.6). A list of equal values is refused, although a
// recipient may take it for one value.
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
// legal but not supported; with any other value the end of the message is
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

// frameRequest sets how the content of a request is framed (RFC 9112, 6.3, items
// 3 to 7). By the letter of item 3 Transfer-Encoding overrides Content-Length,
// but a request with both is an attack or a fault, and is refused.
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

// frameResponse sets how the content of a response with the given status is
// framed; head tells that it answers a HEAD request (RFC 9112, 6.3).
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
		// There must be no content, whatever the head says (RFC 9110, 8.6). In case
		// there is some, the connection is not used again.
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

// dropLength marks Content-Length to be dropped: the status does not allow it.
func (h *Head) dropLength() {
	for i := range h.Fields {
		if h.Fields[i].ID == FieldContentLength {
			h.Fields[i].Drop = true
		}
	}
}
