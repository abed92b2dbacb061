package explain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// esc begins a terminal escape sequence (ECMA-48 §5.3).
const esc = 0x1b

// Clean makes a line safe for a log and a terminal. It removes escape sequences. It
// replaces control characters other than tab, and bytes that are not UTF-8, by
// U+FFFD, so that their place stays visible.
func Clean(raw []byte) string {
	if isPlain(raw) {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > 0 {
		if n := escapeLen(raw); n > 0 {
			raw = raw[n:]
			continue
		}
		r, n := utf8.DecodeRune(raw)
		if unicode.IsControl(r) && r != '\t' {
			r = utf8.RuneError
		}
		b.WriteRune(r) // an invalid byte decodes as RuneError
		raw = raw[n:]
	}
	return b.String()
}

// isPlain reports whether raw is printable ASCII and tabs.
func isPlain(raw []byte) bool {
	for _, c := range raw {
		if (c < ' ' && c != '\t') || c >= 0x7f {
			return false
		}
	}
	return true
}

// escapeLen returns the length of the escape sequence at the start of raw, or 0 if
// there is none. Of an unfinished sequence, it counts only the part that is certain
// to belong to it, so that it cannot hide the rest of a line.
func escapeLen(raw []byte) int {
	if len(raw) < 2 || raw[0] != esc {
		return 0
	}
	switch raw[1] {
	case '[': // CSI: parameters, intermediates, one final byte
		return 2 + finalLen(raw[2:], 0x30, 0x3f, 0x40)
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: a string up to ST or BEL
		for i := 2; i < len(raw); i++ {
			if raw[i] == 0x07 {
				return i + 1
			}
			if raw[i] == esc && i+1 < len(raw) && raw[i+1] == '\\' {
				return i + 2
			}
		}
		return 2
	default: // other sequences: intermediates, one final byte
		return 1 + finalLen(raw[1:], 0, 0, 0x30)
	}
}

// finalLen returns the length of the rest of a sequence at the start of raw:
// parameters in [first, last], intermediates in [0x20, 0x2f], and a final byte in
// [final, 0x7e].
func finalLen(raw []byte, first, last, final byte) int {
	i := 0
	for i < len(raw) && last > 0 && raw[i] >= first && raw[i] <= last {
		i++
	}
	for i < len(raw) && raw[i] >= 0x20 && raw[i] <= 0x2f {
		i++
	}
	if i < len(raw) && raw[i] >= final && raw[i] <= 0x7e {
		i++
	}
	return i
}
