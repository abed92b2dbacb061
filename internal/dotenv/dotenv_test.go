package dotenv

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":                                  {},
		"\n# a comment\n  # another\n":      {},
		"A=1":                               {"A": "1"},
		"A=1\r\nB=2\r\n":                    {"A": "1", "B": "2"},
		"\ufeffA=1":                         {"A": "1"},
		"export A=1\nexport\tB=2\nexport=3": {"A": "1", "B": "2", "export": "3"},
		" A = two words  # comment\n":       {"A": "two words"},
		"A=a#b\nB=#c\nC=":                   {"A": "a#b", "B": "", "C": ""},
		"A=pa$$wo${rd}":                     {"A": "pa$$wo${rd}"},
		`A='a # "b" \n' # comment`:          {"A": `a # "b" \n`},
		`A="a\n\t\"\\\$\d"`:                 {"A": "a\n\t\"\\$\\d"},
		"A=\"one\ntwo\"\nB='three\n\nfour'": {"A": "one\ntwo", "B": "three\n\nfour"},
		`A={"json": "x=y"}`:                 {"A": `{"json": "x=y"}`},
		"A=1\nA=2":                          {"A": "2"},
		"A=don't":                           {"A": "don't"},
	} {
		got, err := Parse(text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestErrors: an error names the line, and no value.
func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=1\nsecret":         "line 2: must be NAME=value, or a comment that begins with #",
		"\n\n1A=secret":       "line 3: must have a name of letters, digits and _ before =, which does not start with a digit",
		"secret\nA=1":         "line 1: must be NAME=value, or a comment that begins with #",
		"A B=secret":          "line 1: must have a name of letters, digits and _ before =, which does not start with a digit",
		"A=1\nB=\"secret\n\n": "line 2: the quote of the value of B is not closed",
		`A="secret"secret`:    `line 1: there is more after the quoted value of A; a quote in it is written \"`,
		"A=1\nB=\x00secret":   "line 2: must be UTF-8 text",
		"A=\xff":              "line 1: must be UTF-8 text",
		"A=\ufffd\nB=\xff":    "line 2: must be UTF-8 text",
	} {
		_, err := Parse(text)
		if wrong, ok := errors.AsType[*Error](err); !ok || wrong.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParse: a text is read or refused, and a refusal does not show it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"A=1\n", "A=\"x\\n\" # c", "export A='x'", "A=\"", "=\n", "A\n="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(text)
		for name, value := range all {
			if !isName(name) || !strings.Contains(text, name) || strings.ContainsRune(value, 0) {
				t.Errorf("%q: the variable %q is %q", text, name, value)
			}
		}
		if err != nil && all != nil {
			t.Errorf("%q: variables beside the error %v", text, err)
		}
	})
}
