package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestParseText parses texts that are not a single YAML mapping.
func TestParseText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, yaml, want string }{
		{"list", "- a", `config.yaml:1: must consist of lines "key: value"; got a list`},
		{"string", "\nhello", `config.yaml:2: must consist of lines "key: value"; got "hello"`},
		{"number", "5", `config.yaml:1: must consist of lines "key: value"; got 5`},
		{"two documents", "minInstances: 2\n---\nminInstances: 3", "config.yaml:2: must be one YAML document; a second one starts here"},
		{"missing space", "minInstances:2\nmaxInstances: 3", "config.yaml:2: is not YAML: mapping values are not allowed in this context"},
		{"stray indent", "minInstances: 2\n  maxInstances: 3", "config.yaml:2: is not YAML: mapping values are not allowed in this context"},
		{"colon on the first line", "a: b: c", "config.yaml:1: is not YAML: mapping values are not allowed in this context"},
		{"open list", "# x\n\ncommand: [a, b\nenv: {}\n", "config.yaml:3: is not YAML: the [ is not closed"},
		{"open list beside others", "# [x\nlocation: [server.mjs # ]\nenv: {A: 'it''s [', B: \"]\"}\nminInstances: 2\n", "config.yaml:2: is not YAML: the [ is not closed"},
		{"missing colon", "# x\n\nminInstances: 2\nmaxInstances: 4\nlisten\n", "config.yaml:5: is not YAML: could not find expected ':'"},
		{"list among keys", "# x\n\nminInstances: 2\n- a\n", "config.yaml:4: is not YAML: did not find expected key"},
		{"tab", "queue:\n\tlimit: 5", "config.yaml:2: is not YAML: found character that cannot start any token; indent with spaces, not with tabs"},
		{"unknown anchor", "# *no\nminInstances: 2\nmaxInstances: *nope", "config.yaml:3: is not YAML: unknown anchor 'nope' referenced"},
		{"broken second document", "minInstances: 2\n---\na: b: c", "config.yaml:3: is not YAML: mapping values are not allowed in this context"},
		{"control character", "minInstances: 2\n# \x07\n", "config.yaml:2: must be UTF-8 text; got the character U+0007"},
		{"Latin-1", "# \n# caf\xe9\n", "config.yaml:2: must be UTF-8 text; got the byte 0xE9"},
		{"UTF-16", "\xff\xfea\x00:\x00", "config.yaml:1: must be UTF-8 text; got the byte 0xFF"},
		{"too large", strings.Repeat("#", maxSize+1), "config.yaml: must not be larger than 1 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("config.yaml", []byte(test.yaml), t.TempDir(), nil)
			got := report(t, err)
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), test.want)
			}
		})
	}
}

// TestParseBomb parses a small text whose aliases expand to 9^9 scalars.
func TestParseBomb(t *testing.T) {
	t.Parallel()
	text := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		before := "*" + string(c-1)
		text += string(c) + ": &" + string(c) + " [" + strings.Repeat(before+", ", 8) + before + "]\n"
	}
	_, err := Parse("config.yaml", []byte(text+"trustedProxies: *b\nenv: *i\n"), t.TempDir(), nil)
	lines := report(t, err)
	for _, want := range []string{
		"config.yaml:2: trustedProxies[8]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got a list",
		"config.yaml:11: env: must be a mapping of names to values; got a list",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

// TestParseWrongFile checks that the report about a large file that is not a
// configuration stays in proportion to the file.
func TestParseWrongFile(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "entry%d: x\n", i)
	}
	_, err := Parse("config.yaml", []byte(text.String()), t.TempDir(), nil)
	if size := len(strings.Join(report(t, err), "\n")); size > 5*text.Len() {
		t.Errorf("the report has %d bytes, for a file of %d", size, text.Len())
	}
}
