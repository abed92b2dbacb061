package explain

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want string }{
		{"plain\ttext", "plain\ttext"},
		{"größe 🙂", "größe 🙂"},
		{"\x1b[1;31mred\x1b[0m", "red"},
		{"\x1b[?25l\x1b[2K\x1b[1Gdone", "done"},
		{"\x1b]0;title\x07text", "text"},
		{"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\x1b]0;never ends", "0;never ends"},
		{"\x1b(B\x1b=text", "text"},
		{"cut \x1b[3", "cut "},
		{"\x1b", "\ufffd"},
		{"\x1b[\x1b[31mx", "x"},
		{"a\rb\x00c\x7fd\u0085e", "a\ufffdb\ufffdc\ufffdd\ufffde"},
		{"bad \xff\xfe utf-8 \xc3", "bad \ufffd\ufffd utf-8 \ufffd"},
	}
	for _, test := range tests {
		if got := Clean([]byte(test.raw)); got != test.want {
			t.Errorf("Clean(%q) = %q, want %q", test.raw, got, test.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte("\x1b[31mb\xff\x1b]8;;x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := Clean(raw)
		for _, r := range text {
			if unicode.IsControl(r) && r != '\t' {
				t.Fatalf("%q became %q: it has a control character", raw, text)
			}
		}
		if again := Clean([]byte(text)); !utf8.ValidString(text) || again != text {
			t.Fatalf("%q became %q, and that %q", raw, text, again)
		}
	})
}
