package process

import (
	"bytes"
	"unicode/utf8"
)

// lineWriter splits one stream into lines and passes them to add. It holds at most
// maxLine bytes and never fails; it blocks while add does. One goroutine uses it.
type lineWriter struct {
	stream string
	add    func(stream string, raw []byte, truncated bool)

	buf  []byte // the line so far
	skip bool   // the line was passed on, truncated: ignore the rest of it
}

// Write adds the next bytes of the stream. It never returns an error.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		w.extend(part)
		if ended {
			w.end()
		}
		p = rest
	}
	return n, nil
}

// extend adds part to the current line, and passes the line on, truncated, when
// that exceeds maxLine.
func (w *lineWriter) extend(part []byte) {
	if w.skip {
		return
	}
	room := maxLine - len(w.buf)
	w.buf = append(w.buf, part[:min(room, len(part))]...)
	if len(part) > room {
		w.add(w.stream, trimPartialRune(w.buf), true)
		w.skip = true
	}
}

// end passes the current line on, and begins the next one.
func (w *lineWriter) end() {
	if !w.skip {
		w.add(w.stream, bytes.TrimSuffix(w.buf, []byte{'\r'}), false)
	}
	w.buf, w.skip = w.buf[:0], false
}

// flush passes a last line without a line ending on.
func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.end()
	}
}

// take returns the line that was begun, and forgets it.
func (w *lineWriter) take() []byte {
	begun := w.buf
	w.buf, w.skip = nil, false
	return begun
}

// isBlank reports whether raw is white space only.
func isBlank(raw []byte) bool { return len(bytes.TrimSpace(raw)) == 0 }

// trimPartialRune removes the first part of a character at the end of raw, the
// rest of which is missing.
func trimPartialRune(raw []byte) []byte {
	for i := len(raw) - 1; i >= 0 && i >= len(raw)-utf8.UTFMax; i-- {
		if utf8.RuneStart(raw[i]) {
			if !utf8.FullRune(raw[i:]) {
				return raw[:i]
			}
			break
		}
	}
	return raw
}

// cutText shortens s to at most n bytes, and to whole characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
