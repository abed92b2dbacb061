package procfs

import (
	"errors"
	"testing"
)

func TestListeningString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		l    Listening
		want string
	}{
		{Listening{Port: 5001, Owned: true}, "listens on 5001"},
		{Listening{Port: 5001}, "does not listen on 5001 or any other port"},
		{Listening{Port: 5001, Ports: []int{3000}}, "listens on 3000, not on 5001"},
		{Listening{Port: 5001, Ports: []int{3000, 3001, 9229}}, "listens on 3000, 3001 and 9229, not on 5001"},
		{Listening{Port: 5001, Ports: []int{3000, 5001}}, "listens on 5001, but not on a loopback address"},
		{Listening{Port: 5001, Taken: true}, "does not listen; port 5001 belongs to another program"},
		{Listening{Port: 5001, Taken: true, Ports: []int{3000}}, "listens on 3000; port 5001 belongs to another program"},
		{Listening{Port: 5001, Taken: true, Ports: []int{5001}}, "shares port 5001 with another program"},
	}
	for _, test := range tests {
		if got := test.l.String(); got != test.want {
			t.Errorf("%+v = %q, want %q", test.l, got, test.want)
		}
	}
	if !errors.Is(ErrUnsupported, errors.ErrUnsupported) {
		t.Error("ErrUnsupported is not errors.ErrUnsupported")
	}
}
