package forward

import (
	"bytes"
	"iter"

	"github.com/dynlb/dynlb/proxy/http1"
)

// HasTrailer reports whether a trailer section, as Decode collects it, has more
// than the empty line that ends it.
func HasTrailer(section []byte) bool { return len(section) > len("\r\n") }

// AppendTrailer appends the last chunk and a trailer section: the fields that
// pass, see Trailers.
func AppendTrailer(b, section []byte) []byte {
	b = append(b, "0\r\n"...)
	for name, value := range Trailers(section) {
		b = append(append(b, name...), ": "...)
		b = append(append(b, value...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// Trailers yields those fields of a trailer section, as Decode collects it, that pass.
// Fields that frame or route a message do not, nor do those for one hop only (RFC 9110,
// 6.5.1).
func Trailers(section []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for line := range bytes.SplitSeq(section, []byte("\r\n")) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			if len(name) == 0 || http1.IDOf(name) != http1.FieldOther || http1.Permanent(name) {
				continue
			}
			if !yield(name, bytes.Trim(value, " \t")) {
				return
			}
		}
	}
}
