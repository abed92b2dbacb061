package http1

import "bytes"

// options are what Connection says (RFC 9110, 7.6.1).
type options struct {
	count                     int // of all options, empty ones included
	close, keepAlive, upgrade bool
	named                     bool // there are others: names of fields
}

// read records the value of a Connection field.
func (o *options) read(v []byte, limit int) *Error {
	for more := true; more; {
		var option []byte
		option, v, more = cutElement(v)
		o.count++
		if o.count > limit {
			return errTooManyOptions
		}
		switch {
		case len(option) == 0: // RFC 9110, 5.6.1.2
		case !isToken(option):
			return errConnection
		case equalFold(option, "close"):
			o.close = true
		case equalFold(option, "keep-alive"):
			o.keepAlive = true
		case equalFold(option, "upgrade"):
			o.upgrade = true
		default:
			o.named = true
		}
	}
	return nil
}

// persist reports whether another message may follow (RFC 9112, 9.3).
func (h *Head) persist() bool {
	return !h.options.close && (h.Minor > 0 || h.options.keepAlive)
}

// dropNamed marks the fields that Connection names.
func (h *Head) dropNamed() {
	if !h.options.named {
		return
	}
	for i := range h.Fields {
		if h.Fields[i].ID != FieldConnection {
			continue
		}
		v := h.Fields[i].Value
		for more := true; more; {
			var option []byte
			option, v, more = cutElement(v)
			if len(option) > 0 {
				h.drop(option)
			}
		}
	}
}

func (h *Head) drop(name []byte) {
	if Permanent(name) {
		return
	}
	for i := range h.Fields {
		if bytes.EqualFold(h.Fields[i].Name, name) {
			h.Fields[i].Drop = true
		}
	}
}

// Permanent reports whether the field of that name, a token, is passed on even
// if Connection names it. Host and the fields that describe the content are: the
// message would have another meaning without them. So are the fields in which a
// proxy describes the client, which a client must not be able to remove (see
// CVE-2021-33197).
func Permanent(name []byte) bool {
	switch idOf(name) {
	case FieldHost, FieldForwarded, FieldXRealIP:
		return true
	default:
		return hasPrefixFold(name, "content-") || hasPrefixFold(name, "x-forwarded-")
	}
}

// checkUpgrade checks the value of an Upgrade: a list of protocols, each a name
// and perhaps a version (RFC 9110, 7.8).
func checkUpgrade(v []byte) *Error {
	for more := true; more; {
		var protocol []byte
		protocol, v, more = cutElement(v)
		name, version, versioned := bytes.Cut(protocol, []byte("/"))
		if !isToken(name) || versioned && !isToken(version) {
			return errUpgrade
		}
	}
	return nil
}

// wantsUpgrade reports whether a request asks to switch protocols. Upgrade has no
// effect in HTTP/1.0, and none without the connection option (RFC 9110, 7.8). In
// two cases it is ignored, as a recipient may do. One is h2c, which only serves
// to carry requests past a proxy (RFC 9113, 3.1). The other is a request with
// content: the start of the new protocol would depend on how much of the content
// the server has read (RFC 9931).
func (h *Head) wantsUpgrade() bool {
	if !h.has[FieldUpgrade] || !h.options.upgrade || h.Minor == 0 {
		return false
	}
	if h.HasContent() {
		return false
	}
	v := h.asked
	for more := true; more; {
		var protocol []byte
		protocol, v, more = cutElement(v)
		if hasPrefixFold(protocol, "h2c") {
			return false
		}
	}
	return true
}
