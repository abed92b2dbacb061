package account

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

func mustLookup(t *testing.T, name string) *User {
	t.Helper()
	u, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLookup(t *testing.T) {
	t.Parallel()
	nobody := mustLookup(t, "nobody")
	if nobody.UID == 0 || nobody.GID == 0 || nobody.Name != "nobody" || nobody.Home == "" {
		t.Errorf("nobody = %+v", nobody)
	}
	number := strconv.Itoa(int(nobody.UID))
	if byNumber := mustLookup(t, number); fmt.Sprint(byNumber) != fmt.Sprint(nobody) {
		t.Errorf("user %s = %+v, want %+v", number, byNumber, nobody)
	}
	for _, name := range []string{"nobody:0", "nobody:root"} {
		if u := mustLookup(t, name); u.UID != nobody.UID || u.GID != 0 || slices.Contains(u.Groups, nobody.GID) {
			t.Errorf("%s = %+v, want nobody with group 0 in place of %d", name, u, nobody.GID)
		}
	}
	if u := mustLookup(t, "4294967:12"); u.UID != 4294967 || u.GID != 12 || u.Home != "/" || u.Name != "4294967" || len(u.Groups) != 0 {
		t.Errorf("user without an entry = %+v", u)
	}
}

func TestLookupErrors(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"no-such-user":        `look up user: there is no user "no-such-user"`,
		"nobody:no-such":      `look up user: there is no group "no-such"`,
		"4294967":             "look up user: 4294967 has no entry, and so no group; write 4294967:GROUP",
		"":                    `look up user "": write user or user:group`,
		"nobody:":             `look up user "nobody:": write user or user:group`,
		":root":               `look up user ":root": write user or user:group`,
		"-1":                  `look up user: there is no user "-1"`,
		"4294967295:4294967":  `look up user: there is no user "4294967295"`,
		"4294967:4294967295":  `look up user: there is no group "4294967295"`,
		"99999999999:0":       `look up user: there is no user "99999999999"`,
		"4294967:99999999999": `look up user: there is no group "99999999999"`,
	} {
		if u, err := Lookup(name); err == nil || err.Error() != want {
			t.Errorf("Lookup(%q) = %+v, %v, want %s", name, u, err, want)
		}
	}
}

// Values that dynlb's own environment has are replaced; others stay.
func TestEnviron(t *testing.T) {
	t.Setenv("HOME", "/dynlb")
	t.Setenv("USER", "dynlb")
	u := &User{Name: "app", Home: "/srv"}
	for _, test := range []struct{ env, want []string }{
		{nil, []string{"HOME=/srv", "USER=app", "LOGNAME=app"}},
		{[]string{"HOME=/dynlb", "USER=dynlb", "LOGNAME="}, []string{"HOME=/dynlb", "USER=dynlb", "LOGNAME=", "HOME=/srv", "USER=app", "LOGNAME=app"}},
		{[]string{"HOME=/other", "A=b"}, []string{"HOME=/other", "A=b", "USER=app", "LOGNAME=app"}},
	} {
		if got := u.Environ(test.env); !slices.Equal(got, test.want) {
			t.Errorf("Environ(%q) = %q, want %q", test.env, got, test.want)
		}
	}
	if got := (*User)(nil).Environ([]string{"A=b"}); !slices.Equal(got, []string{"A=b"}) {
		t.Errorf("Environ of dynlb's own user = %q, want it unchanged", got)
	}
}
