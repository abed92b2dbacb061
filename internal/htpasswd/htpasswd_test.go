package htpasswd

import (
	"reflect"
	"strings"
	"testing"
)

const hashed = "$2y$04$0123456789012345678901uZ9GpHxX6cFh6TjAqCtFQVbLwq6wDnm"

// TestParse: passwords are plain or hashes, and may hold colons.
func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte("# users\n\nann:plain:text\r\nbob:" + hashed + "\n"))
	want := []User{{Name: "ann", Plain: "plain:text"}, {Name: "bob", Bcrypt: []byte(hashed)}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// TestParseProblems: a mistake is reported with its line, and without a password.
func TestParseProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "there is no line name:password",
		"# only\n":         "there is no line name:password",
		"ann:a\nsecret\n":  "line 2 must be name:password",
		"ann:a\n\nann:b":   `line 3: the user "ann" is there already`,
		"ann:$2y$secret":   `line 1: the password of "ann" is not a hash of bcrypt`,
		"ann:$apr1$secret": `line 1: the password of "ann" has a hash other than that of bcrypt; make one with htpasswd -B`,
		"ann:{SHA}secret":  `line 1: the password of "ann" has a hash other than that of bcrypt; make one with htpasswd -B`,
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
