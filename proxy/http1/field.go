package http1

// Field is a header field. Its slices are of the bytes that were parsed.
type Field struct {
	// Name is a token, in the case in which it was sent.
	Name []byte
	// Value has no whitespace around it. It may be empty, and may hold bytes
	// from 0x80 up, which have no meaning here (RFC 9110, 5.5).
	Value []byte
	// ID stands for the name, if this package or a proxy treats it specially.
	ID FieldID
	// Drop tells that the field must not be passed on. It is hop-by-hop, or Connection
	// names it and may do so (RFC 9110, 7.6.1). Or it is a field of a request with an
	// underscore in its name: programs behind an interface like CGI read the underscore
	// as a hyphen, and would take the field for one that a proxy sets. See
	// Limits.Underscores.
	Drop bool
}

// FieldID stands for the name of a field. The zero value stands for all names
// without a special treatment.
type FieldID uint8

// The fields that have an ID. Those up to lastHop are hop-by-hop.
const (
	FieldOther FieldID = iota
	FieldConnection
	FieldHTTP2Settings
	FieldKeepAlive
	FieldProxyAuthenticate
	FieldProxyAuthorization
	FieldProxyConnection
	FieldTE
	FieldTrailer
	FieldTransferEncoding
	FieldUpgrade

	FieldContentLength
	FieldExpect
	FieldForwarded
	FieldHost
	FieldXForwardedFor
	FieldXForwardedHost
	FieldXForwardedProto
	FieldXRealIP

	lastHop   = FieldUpgrade
	lastField = FieldXRealIP
)

// IDOf returns the ID of a field's name, in any case.
func IDOf(name []byte) FieldID {
	if len(name) == 0 {
		return FieldOther
	}
	return idOf(name)
}

// idOf returns the ID of a name, which must be a token. It is cheap: nearly all
// names differ in the first letter from the few of the same length.
func idOf(name []byte) FieldID {
	is := func(lower string, id FieldID) FieldID {
		if equalFold(name, lower) {
			return id
		}
		return FieldOther
	}
	first := name[0] | 0x20
	switch len(name) {
	case 2:
		return is("te", FieldTE)
	case 4:
		return is("host", FieldHost)
	case 6:
		return is("expect", FieldExpect)
	case 7:
		if first == 'u' {
			return is("upgrade", FieldUpgrade)
		}
		return is("trailer", FieldTrailer)
	case 9:
		if first == 'x' {
			return is("x-real-ip", FieldXRealIP)
		}
		return is("forwarded", FieldForwarded)
	case 10:
		if first == 'c' {
			return is("connection", FieldConnection)
		}
		return is("keep-alive", FieldKeepAlive)
	case 14:
		if first == 'c' {
			return is("content-length", FieldContentLength)
		}
		return is("http2-settings", FieldHTTP2Settings)
	case 15:
		return is("x-forwarded-for", FieldXForwardedFor)
	case 16:
		if first == 'x' {
			return is("x-forwarded-host", FieldXForwardedHost)
		}
		return is("proxy-connection", FieldProxyConnection)
	case 17:
		if first == 'x' {
			return is("x-forwarded-proto", FieldXForwardedProto)
		}
		return is("transfer-encoding", FieldTransferEncoding)
	case 18:
		return is("proxy-authenticate", FieldProxyAuthenticate)
	case 19:
		return is("proxy-authorization", FieldProxyAuthorization)
	default:
		return FieldOther
	}
}

// read reads "field-name ":" OWS field-value OWS CRLF" (RFC 9112, 5) from the
// beginning of b. It returns the length of the line, 0 when b ends before the
// line does. It sets Drop for the underscore only.
func (f *Field) read(b []byte) (int, *Error) {
	i, seen := 0, uint8(0)
	for i < len(b) && class[b[i]]&tokenByte != 0 {
		seen |= class[b[i]]
		i++
	}
	if i == len(b) {
		return 0, nil
	}
	if b[i] != ':' || i == 0 {
		return 0, nameError(b[i], i == 0)
	}
	f.Name = b[:i:i]
	f.ID = idOf(f.Name)
	f.Drop = seen&underscore != 0
	start := i + 1
	for i = start; ; i++ {
		i += indexControl(b[i:])
		if i == len(b) {
			return 0, nil
		}
		if b[i] != '\t' {
			break
		}
	}
	f.Value = trim(b[start:i:i])
	return lineEnd(b, i, errFieldValue)
}

// imitates reports whether a name becomes that of a special field when its underscores
// become hyphens.
func imitates(name []byte) bool {
	const longest = len("proxy-authorization")
	var buffer [longest]byte
	plain := buffer[:copy(buffer[:], name)]
	for i, c := range plain {
		if c == '_' {
			plain[i] = '-'
		}
	}
	return len(name) <= longest && idOf(plain) != FieldOther || hasPrefixFold(plain, "content-") || hasPrefixFold(plain, "x-forwarded-")
}

// lineEnd checks that the line in b ends at i. It returns where the next one
// begins, or 0 when b ends before that is certain. other is the error for a byte
// that is not part of a line end.
func lineEnd(b []byte, i int, other *Error) (int, *Error) {
	switch {
	case b[i] == '\n':
		return 0, errBareLF
	case b[i] != '\r':
		return 0, other
	case i+1 == len(b):
		return 0, nil
	case b[i+1] != '\n':
		return 0, errBareCR
	default:
		return i + 2, nil
	}
}

// nameError returns the error for c, which stands where a colon must be or, at
// the start of a line, a name.
func nameError(c byte, start bool) *Error {
	switch {
	case start && c == ':':
		return errNoName
	case start && (c == ' ' || c == '\t'):
		return errFold // RFC 9112, 2.2 and 5.2
	case c == ' ' || c == '\t':
		return errNameSpace // RFC 9112, 5.1
	case c == '\r' || c == '\n':
		return errNoColon
	default:
		return errFieldName
	}
}
