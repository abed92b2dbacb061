package process

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dynlb/dynlb/internal/process/explain"
)

// record is a line as lineWriter passes it on.
type record struct {
	text      string
	truncated bool
}

// split feeds input to a lineWriter in pieces of the given size.
func split(input []byte, size int) []record {
	var got []record
	w := &lineWriter{add: func(_ string, raw []byte, truncated bool) {
		got = append(got, record{string(raw), truncated})
	}}
	for len(input) > 0 {
		n := min(size, len(input))
		_, _ = w.Write(input[:n])
		input = input[n:]
	}
	w.flush()
	return got
}

func TestLines(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", maxLine)
	tests := []struct {
		name, input string
		want        []record
	}{
		{"nothing", "", nil},
		{"two lines", "a\nb\n", []record{{"a", false}, {"b", false}}},
		{"no line ending", "a\nb", []record{{"a", false}, {"b", false}}},
		{"blank lines", "\n\r\n", []record{{"", false}, {"", false}}},
		{"carriage return", "a\r\nb\rc\r\n", []record{{"a", false}, {"b\rc", false}}},
		{"of the maximum length", full + "\nb\n", []record{{full, false}, {"b", false}}},
		{"too long", full + "yz\nb\n", []record{{full, true}, {"b", false}}},
		{"too long at the end", full + "yz", []record{{full, true}}},
		{"cut inside a character", full[1:] + "é\nb", []record{{full[1:], true}, {"b", false}}},
	}
	for _, test := range tests {
		for _, size := range []int{1, 7, 1 << 20} {
			got := split([]byte(test.input), size)
			if len(got) != len(test.want) {
				t.Errorf("%s, in pieces of %d: %d lines, want %d", test.name, size, len(got), len(test.want))
				continue
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("%s, in pieces of %d: line %d = %.80q, want %.80q", test.name, size, i, got[i].text, test.want[i].text)
				}
			}
		}
	}
}

// The lines do not depend on the pieces in which the stream arrives. They are bounded
// and clean.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\n\x1b[31mb\xff\n"), uint8(1))
	f.Add(bytes.Repeat([]byte("é"), maxLine), uint8(3))
	f.Add([]byte("\x1b]8;;x\x1b\\\x1b[\x1b"), uint8(2))
	f.Fuzz(func(t *testing.T, input []byte, size uint8) {
		whole := split(input, len(input)+1)
		pieces := split(input, int(size)+1)
		if len(whole) != len(pieces) {
			t.Fatalf("%d lines in one piece, %d in pieces of %d", len(whole), len(pieces), int(size)+1)
		}
		for i := range whole {
			if whole[i] != pieces[i] {
				t.Fatalf("line %d is %q in one piece, %q in pieces", i, whole[i].text, pieces[i].text)
			}
			if len(whole[i].text) > maxLine {
				t.Fatalf("line %d has %d bytes", i, len(whole[i].text))
			}
			text := explain.Clean([]byte(whole[i].text))
			for _, r := range text {
				if unicode.IsControl(r) && r != '\t' {
					t.Fatalf("%q became %q: it has a control character", whole[i].text, text)
				}
			}
			if !utf8.ValidString(text) || explain.Clean([]byte(text)) != text {
				t.Fatalf("%q became %q, which is not clean", whole[i].text, text)
			}
		}
	})
}
