package config

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	table := keysOf(&Config{})
	tests := []struct{ name, want string }{
		{"minInstance", "minInstances"},
		{"max_instances", "maxInstances"},
		{"max-instances", "maxInstances"},
		{"checkInterval ", "checkInterval"},
		{"lsiten", "listen"}, // a swap is one slip, not two
		{"adminHttp", "adminHTTP"},
		{"enviroment", ""},
		{"nev", "env"},
		{"foo", ""},
		{"timeout", ""},
		{"", ""},
		{"queue_limit", "limit under queue"},
	}
	for _, test := range tests {
		if got := nearest(test.name, table); got != test.want {
			t.Errorf("nearest(%q) = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "a", 1},
		{"listen", "listen", 0},
		{"lsiten", "listen", 1},
		{"healthPth", "healthPath", 1},
		{"heelthPathe", "healthPath", 2},
	}
	for _, test := range tests {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got, near := Distance(pair[0], pair[1]); got != test.want || !near {
				t.Errorf("Distance(%q, %q) = %d, %v; want %d, true", pair[0], pair[1], got, near, test.want)
			}
		}
	}
}
