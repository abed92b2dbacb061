package dynlb_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestGlossary checks that each term of docs/glossary.md is defined once, in
// alphabetical order, and in a few sentences.
func TestGlossary(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile(`(?ms)^\*\*([^*]+)\*\*: (.+?)$\n(?:\n|\z)`)
	last, count := "", 0
	for _, m := range entry.FindAllStringSubmatch(string(data), -1) {
		term, text := strings.ToLower(m[1]), m[2]
		switch {
		case term == last:
			t.Errorf("%q is defined twice", term)
		case term < last:
			t.Errorf("%q stands after %q", term, last)
		}
		sentences := strings.Count(strings.ReplaceAll(text, "\n", " ")+" ", ". ")
		if !strings.HasSuffix(text, ".") || sentences > 3 {
			t.Errorf("%q has %d sentences, want 1 to 3 that end with a full stop", term, sentences)
		}
		last, count = term, count+1
	}
	if defined := strings.Count(string(data), "\n**"); count != defined || count < 50 {
		t.Errorf("%d entries were read of %d, want all, and at least 50", count, defined)
	}
}
