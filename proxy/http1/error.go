package http1

// Error says why a message is refused. All errors of this package are of this
// type. A connection on which one occurred must be closed: the start of the next
// message is unknown.
type Error struct {
	// Status is the status to answer with: a 4xx or 5xx for a request, always 502
	// for a response.
	Status int
	// Reason is what is wrong, in a few words that repeat nothing of the message.
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// Violations in a head. Response turns the statuses into 502.
var (
	errLineTooLong   = &Error{414, "request line is too long"}
	errFieldTooLong  = &Error{431, "header field is too long"}
	errHeadTooLong   = &Error{431, "header is too long"}
	errTooManyFields = &Error{431, "too many header fields"}

	errMethod      = &Error{400, "method is not a token"}
	errTLS         = &Error{400, "the client speaks TLS, and this port plain HTTP: write http:// in place of https://"}
	errTarget      = &Error{400, "invalid character in request target"}
	errNoTarget    = &Error{400, "request target is empty"}
	errFragment    = &Error{400, "request target has a fragment"}
	errTargetForm  = &Error{400, "request target must be a path or an http URL"}
	errEscape      = &Error{400, "invalid percent-encoding in path"}
	errUserinfo    = &Error{400, "request target has user information"}
	errAsterisk    = &Error{400, "request target * is for OPTIONS"}
	errAuthority   = &Error{400, "request target of CONNECT must be host:port"}
	errNoVersion   = &Error{400, "request line has no HTTP version"}
	errVersion     = &Error{400, "malformed HTTP version"}
	errUnsupported = &Error{505, "HTTP version is not supported"}

	errStatusLine    = &Error{502, "malformed status line"}
	errStatusTooLong = &Error{502, "status line is too long"}

	errBareCR     = &Error{400, "CR without LF"}
	errBareLF     = &Error{400, "LF without CR"}
	errFold       = &Error{400, "header field is folded, or the first begins with a space"}
	errFieldName  = &Error{400, "invalid character in header field name"}
	errNoName     = &Error{400, "header field name is empty"}
	errNoColon    = &Error{400, "header field has no colon"}
	errNameSpace  = &Error{400, "space before the colon of a header field"}
	errFieldValue = &Error{400, "invalid character in header field value"}

	errNoHost   = &Error{400, "Host is missing"}
	errTwoHosts = &Error{400, "more than one Host"}
	errHost     = &Error{400, "malformed Host"}

	errTwoLengths    = &Error{400, "more than one Content-Length"}
	errLength        = &Error{400, "malformed Content-Length"}
	errTwoCodings    = &Error{400, "more than one Transfer-Encoding"}
	errCoding        = &Error{400, "malformed Transfer-Encoding"}
	errUnknownCoding = &Error{501, "Transfer-Encoding other than chunked"}
	errBothFramings  = &Error{400, "both Transfer-Encoding and Content-Length"}
	errOldCoding     = &Error{400, "Transfer-Encoding in HTTP/1.0"}
	errTrailerField  = &Error{400, "Trailer names a field that frames the message"}
	errBodyForbidden = &Error{502, "informational response with content"}

	errConnection     = &Error{400, "malformed Connection"}
	errTooManyOptions = &Error{400, "too many connection options"}
	errUpgrade        = &Error{400, "malformed Upgrade"}
	errTwoUpgrades    = &Error{400, "more than one Upgrade"}
	errExpectation    = &Error{417, "expectation other than 100-continue"}
	errSwitch         = &Error{502, "switched to a protocol that was not asked for"}
)

// Violations in content.
var (
	errChunkSize    = &Error{400, "malformed chunk size"}
	errHugeChunk    = &Error{400, "chunk size is too large"}
	errChunkLine    = &Error{400, "chunk extension is too long"}
	errExtension    = &Error{400, "invalid character in chunk extension"}
	errChunkEnd     = &Error{400, "chunk is longer than its size"}
	errExcess       = &Error{400, "chunks hold too little data"}
	errTrailerLong  = &Error{431, "trailer section is too long"}
	errTrailerName  = &Error{400, "malformed trailer field name"}
	errTrailerValue = &Error{400, "invalid character in trailer field value"}
	errTrailerFold  = &Error{400, "trailer field is folded"}
	errTruncated    = &Error{400, "content ends before its end"}
)

// inResponse returns the Error for the same violation in a response.
func (e *Error) inResponse() *Error {
	if e.Status == 502 {
		return e
	}
	return &Error{502, e.Reason}
}
