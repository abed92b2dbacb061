package http1

import (
	"fmt"
	"testing"
)

// TestNextForwarder: elements are read as RFC 7239 writes them, and nothing is believed
// of a value that is malformed.
func TestNextForwarder(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`for=192.0.2.1`:                                    `192.0.2.1||`,
		`For="[2001:db8::1]:4711"`:                         `2001:db8::1||`,
		`for=192.0.2.1:80;proto=https;by=203.0.113.43`:     `192.0.2.1||https`,
		`for=192.0.2.1 ; host="a:8080" , for="_x", for=un`: `192.0.2.1|a:8080| _x|| un||`,
		`proto=http`:           `||http`,
		`secret=x,for=y`:       `|| y||`,
		``:                     `malformed`,
		`for`:                  `malformed`,
		`for=`:                 `malformed`,
		`for=a;`:               `malformed`,
		`for=a,`:               `a|| malformed`,
		`for="a`:               `malformed`,
		`for="a\"b"`:           `malformed`,
		`for="a, for=b"`:       `malformed`,
		`for=a b`:              `malformed`,
		`for =a`:               `malformed`,
		`for=a;;proto=b`:       `malformed`,
		`for=a"b"`:             `malformed`,
		`"for"=a`:              `malformed`,
		`for=a;host="b";for=c`: `c|b|`,
	} {
		got := ""
		for rest, more := []byte(value), true; more; {
			f, next, ok := NextForwarder(rest)
			if got != "" {
				got += " "
			}
			if !ok {
				got += "malformed"
				break
			}
			got += fmt.Sprintf("%s|%s|%s", f.For, f.Host, f.Proto)
			more = next != nil
			rest = next
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", value, got, want)
		}
	}
}

// FuzzNextForwarder: reading ends, and returns parts of the value without separators.
func FuzzNextForwarder(f *testing.F) {
	f.Add([]byte(`for=192.0.2.1;host="a", for="[::1]:1"`))
	f.Fuzz(func(t *testing.T, value []byte) {
		for rest := value; len(rest) > 0; {
			e, next, ok := NextForwarder(rest)
			if !ok {
				return
			}
			if len(next) >= len(rest) {
				t.Fatalf("%q does not get shorter", rest)
			}
			for _, part := range [][]byte{e.For, e.Host, e.Proto} {
				for _, c := range part {
					if c == ',' || c == ';' || c == ' ' || c == '"' {
						t.Errorf("part %q of %q", part, rest)
					}
				}
			}
			rest = next
		}
	})
}
