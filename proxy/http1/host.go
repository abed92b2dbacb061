package http1

import "bytes"

// validHost reports whether v is "uri-host [ ":" port ]" (RFC 9110, 7.2) and not
// empty. Of the names that RFC 3986, 3.2.2, allows, those with other characters
// than the unreserved ones are refused: no host has such a name, and some
// programs take the part before such a character for the host, others the rest.
func validHost(v []byte) bool {
	host, port, ok := splitHost(v)
	if !ok || len(host) == 0 {
		return false
	}
	if host[0] == '[' {
		return validPort(port) && validIPv6(host[1:len(host)-1])
	}
	for _, c := range host {
		if class[c]&hostByte == 0 {
			return false
		}
	}
	return validPort(port)
}

// validAuthority reports whether v is host:port (RFC 9112, 3.2.3).
func validAuthority(v []byte) bool {
	_, port, ok := splitHost(v)
	return ok && len(port) > 0 && validHost(v)
}

// splitHost splits v before its port. A host in brackets keeps them.
func splitHost(v []byte) (host, port []byte, ok bool) {
	if len(v) == 0 || v[0] != '[' {
		host, port, _ = bytes.Cut(v, []byte(":"))
		return host, port, true
	}
	end := bytes.IndexByte(v, ']')
	if end < 0 {
		return nil, nil, false
	}
	host, port = v[:end+1], v[end+1:]
	if len(port) > 0 && port[0] != ':' {
		return nil, nil, false
	}
	return host, bytes.TrimPrefix(port, []byte(":")), true
}

// validPort reports whether v is empty, which is legal (RFC 3986, 3.2.3), or the
// number of a port.
func validPort(v []byte) bool {
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' || len(v) > len("65535") {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

// validIPv6 reports whether v is an IPv6address (RFC 3986, 3.2.2): eight groups
// of up to four digits, where :: stands for one or more, and an IPv4address may
// stand for the last two.
func validIPv6(v []byte) bool {
	groups, short := 0, false
	if bytes.HasPrefix(v, []byte("::")) {
		short, v = true, v[2:]
	}
	for len(v) > 0 {
		digits := 0
		for digits < len(v) && class[v[digits]]&hexByte != 0 {
			digits++
		}
		if digits < len(v) && v[digits] == '.' {
			groups += 2
			return validIPv4(v) && fills(groups, short)
		}
		groups++
		if digits == 0 || digits > 4 {
			return false
		}
		v = v[digits:]
		switch {
		case len(v) == 0:
		case v[0] != ':' || len(v) == 1:
			return false
		case v[1] != ':':
			v = v[1:]
		case short:
			return false
		default:
			short, v = true, v[2:]
		}
	}
	return fills(groups, short)
}

// fills reports whether so many groups, with or without a ::, make a whole address.
func fills(groups int, short bool) bool {
	if short {
		return groups < 8
	}
	return groups == 8
}

// validIPv4 reports whether v is four numbers up to 255 with dots between them.
func validIPv4(v []byte) bool {
	for part := range 4 {
		digits, n := 0, 0
		for digits < len(v) && v[digits] >= '0' && v[digits] <= '9' && digits < 3 {
			n = 10*n + int(v[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || digits > 1 && v[0] == '0' {
			return false
		}
		v = v[digits:]
		if part == 3 {
			return len(v) == 0
		}
		if len(v) == 0 || v[0] != '.' {
			return false
		}
		v = v[1:]
	}
	return false
}
