package edge

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dynlb/dynlb/proxy/http1"
)

// withField returns a request with a field.
func withField(t testing.TB, name, value string) *http1.Request {
	t.Helper()
	r := http1.NewRequest(http1.Limits{})
	if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": " + value + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return r
}

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

// hash is one of a password, at a cost for tests.
func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// TestUsers: who is let in, the first time and when the verdict is remembered.
func TestUsers(t *testing.T) {
	t.Parallel()
	u, err := ParseUsers([]byte("# users\n\nann:plain:text\r\nbob:" + hash(t, "pässword") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, c := range []struct {
			field, value, name string
		}{
			{"Authorization", basic("ann:plain:text"), "ann"},
			{"authorization", strings.Replace(basic("ann:plain:text"), "Basic", "bAsIc ", 1), "ann"},
			{"Authorization", basic("bob:pässword"), "bob"},
			{"Authorization", basic("ann:plain"), ""},
			{"Authorization", basic("ann:pässword"), ""},
			{"Authorization", basic("bob:" + u.passwordText("bob")), ""},
			{"Authorization", basic("eve:plain:text"), ""},
			{"Authorization", basic("eve:pässword"), ""},
			{"Authorization", basic(":"), ""},
			{"Authorization", basic("ann"), ""},
			{"Authorization", "Basic", ""},
			{"Authorization", "Basic !", ""},
			{"Authorization", strings.Replace(basic("ann:plain:text"), "Basic", "Bearer", 1), ""},
			{"Proxy-Authorization", basic("ann:plain:text"), ""},
		} {
			name, err := u.verify(withField(t, c.field, c.value))
			if string(name) != c.name || (err == nil) != (c.name != "") || err != nil && !errors.Is(err, errCredentials) {
				t.Errorf("%s: %s: %q, %v, want %q", c.field, c.value, name, err, c.name)
			}
		}
	}
}

func (u *Users) passwordText(name string) string { return string(u.passwords[name].bcrypt) }

// TestBlocks: the verdict on credentials takes long once, and if there are hashes.
func TestBlocks(t *testing.T) {
	t.Parallel()
	u, err := ParseUsers([]byte("bob:" + hash(t, "b")))
	if err != nil {
		t.Fatal(err)
	}
	right, wrong, unknown := withField(t, "Authorization", basic("bob:b")), withField(t, "Authorization", basic("bob:c")), withField(t, "Authorization", basic("eve:b"))
	for _, r := range []*http1.Request{right, wrong, unknown} {
		if !u.blocks(r) {
			t.Error("the first verdict does not block")
		}
		_, _ = u.verify(r)
		if u.blocks(r) {
			t.Error("the second verdict blocks")
		}
	}
	if u.blocks(withField(t, "X", "y")) {
		t.Error("a request without credentials blocks")
	}
	for i := range 3 * maxRemembered {
		u.remember(u.digest(fmt.Appendf(nil, "%d", i)), false)
	}
	if u.blocks(right) || len(u.wrong) > maxRemembered {
		t.Errorf("%d guesses are remembered, or have a user forgotten: %t", len(u.wrong), u.blocks(right))
	}
	plain, err := ParseUsers([]byte("ann:a"))
	if err != nil || plain.blocks(withField(t, "Authorization", basic("ann:a"))) {
		t.Errorf("plain passwords block: %v", err)
	}
}

// TestParseUsers: mistakes are found, and never shown with a password.
func TestParseUsers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "there is no line name:password",
		"# only a comment\n":      "there is no line name:password",
		"ann":                     "line 1 must be name:password",
		"\nann:":                  "line 2 must be name:password",
		":secret":                 "line 1 must be name:password",
		"ann:a\nann:b":            `line 2: the user "ann" is there already`,
		"ann:$2y$10$short":        `line 1: the password of "ann" is not a hash of bcrypt`,
		"ann:$apr1$secret":        `line 1: the password of "ann" has a hash other than that of bcrypt; make one with htpasswd -B`,
		"ann:{SHA}c2VjcmV0c2Vjcg": `line 1: the password of "ann" has a hash other than that of bcrypt; make one with htpasswd -B`,
	} {
		_, err := ParseUsers([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
