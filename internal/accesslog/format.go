package accesslog

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/dynlb/dynlb/proxy/outcome"
)

// Format is the form of a line.
type Format string

// The formats.
const (
	// JSON is one object a line.
	JSON Format = "json"
	// Combined is the format of Apache's and nginx's log of that name.
	Combined Format = "combined"
)

// none describes a request that was refused before its head was read.
var none = outcome.Request{Minor: 1}

// append appends the line of a request that has ended now.
func (s *Settings) append(b []byte, o *outcome.Outcome, now time.Time) []byte {
	r := o.Request
	if r == nil {
		r = &none
	}
	if s.Format == Combined {
		return s.appendCombined(b, o, r, now)
	}
	return s.appendJSON(b, o, r, now)
}

// appendJSON appends an object. What is empty is left out.
func (s *Settings) appendJSON(b []byte, o *outcome.Outcome, r *outcome.Request, now time.Time) []byte {
	b = now.UTC().AppendFormat(append(b, `{"time":"`...), "2006-01-02T15:04:05.000Z07:00")
	b = append(b, '"')
	text := func(name string, value []byte) {
		if len(value) > 0 {
			b = appendQuoted(append(append(append(b, `,"`...), name...), `":`...), value)
		}
	}
	number := func(name string, value int64) {
		b = strconv.AppendInt(append(append(append(b, `,"`...), name...), `":`...), value, 10)
	}
	seconds := func(name string, d time.Duration) {
		b = strconv.AppendFloat(append(append(append(b, `,"`...), name...), `":`...), d.Seconds(), 'f', 6, 64)
	}
	text("app", []byte(o.App))
	b = appendQuoted(append(b, `,"client":`...), s.client(o, r))
	text("user", r.User)
	text("method", o.Method)
	text("path", o.Route)
	if s.Query {
		text("query", r.Query)
	}
	text("host", r.Host)
	if r != &none {
		text("protocol", protocol(r))
	}
	number("status", int64(o.Code))
	number("bytesIn", o.BytesIn)
	number("bytesOut", o.BytesOut)
	seconds("duration", o.Duration)
	seconds("queued", o.Queued)
	number("attempts", int64(o.Attempts))
	text("instance", []byte(o.Instance))
	if o.Source != outcome.None {
		text("errorSource", []byte(o.Source.String()))
	}
	text("requestID", r.ID)
	text("referer", r.Referer)
	text("userAgent", r.UserAgent)
	return append(b, "}\n"...)
}

// appendCombined appends a line that every log analyzer reads.
func (s *Settings) appendCombined(b []byte, o *outcome.Outcome, r *outcome.Request, now time.Time) []byte {
	word := func(value []byte) {
		if len(value) == 0 {
			b = append(b, '-')
		}
		b = appendEscaped(b, value)
	}
	word(s.client(o, r))
	b = append(b, " - "...)
	word(r.User)
	b = now.AppendFormat(append(b, " ["...), "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	if len(o.Method) > 0 {
		b = append(appendEscaped(b, o.Method), ' ')
		b = appendEscaped(b, o.Route)
		if s.Query {
			b = appendEscaped(b, r.Query)
		}
		b = append(append(b, ' '), protocol(r)...)
	}
	b = strconv.AppendInt(append(b, `" `...), int64(o.Code), 10)
	b = strconv.AppendInt(append(b, ' '), o.BytesOut, 10)
	b = append(b, ` "`...)
	word(r.Referer)
	b = append(b, `" "`...)
	word(r.UserAgent)
	return append(b, "\"\n"...)
}

// client returns the address of the client.
func (s *Settings) client(o *outcome.Outcome, r *outcome.Request) []byte {
	if len(r.Client) > 0 {
		return r.Client
	}
	return []byte(o.Client)
}

// protocol returns the version of HTTP.
func protocol(r *outcome.Request) []byte {
	switch {
	case r.HTTP3:
		return []byte("HTTP/3.0")
	case r.HTTP2:
		return []byte("HTTP/2.0")
	case r.Minor == 0:
		return []byte("HTTP/1.0")
	default:
		return []byte("HTTP/1.1")
	}
}

const hex = "0123456789abcdef"

// appendEscaped appends text so that it stays within its quotes and its line: other
// bytes than printable ASCII as \xXX, as nginx does.
func appendEscaped(b, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendQuoted appends text as a string of JSON. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c < ' ' || c == 0x7f:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		char, size := utf8.DecodeRune(text[i:])
		b = utf8.AppendRune(b, char)
		i += size
	}
	return append(b, '"')
}
