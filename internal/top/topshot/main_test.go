package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestPicture: text stands where it stood, in its colours, and the picture is XML.
func TestPicture(t *testing.T) {
	t.Parallel()
	got := picture([]string{"\x1b[1mbold\x1b[0m <&", "", "ab\x1b[7m  \x1b[27;31mred\x1b[m."})
	for _, want := range []string{
		`viewBox="0 0 95 79"`,
		`<text x="14.0" y="26.5" textLength="33.6" lengthAdjust="spacingAndGlyphs" fill="#d6dde6" font-weight="bold" xml:space="preserve">bold</text>`,
		`xml:space="preserve"> &lt;&amp;</text>`,
		`<rect x="30.8" y="48.0" width="16.8" height="17.0" fill="#d6dde6"/>`,
		`fill="#ff7b72" xml:space="preserve">red</text>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %s:\n%s", want, got)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
