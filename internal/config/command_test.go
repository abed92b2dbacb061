package config

import (
	"slices"
	"testing"
)

func TestArgv(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config App
		want   []string
	}{
		{"demo backend", App{}, nil},
		{"default", App{Location: "/srv/app.ts"}, []string{"bun", "run", "/srv/app.ts", "--port", "5001"}},
		{"no location", App{Command: []string{"app", "-l", ":{port}"}}, []string{"app", "-l", ":5001"}},
		{"several in one", App{Location: "/a", Command: []string{"app", "{location}:{port}{port}"}}, []string{"app", "/a:50015001"}},
		{"braces in the location", App{Location: "/srv/{port}"}, []string{"bun", "run", "/srv/{port}", "--port", "5001"}},
		{"location as program", App{Location: "/srv/app", Command: []string{"{location}"}}, []string{"/srv/app"}},
		{"program in the folder", App{WorkDir: "/srv", Command: []string{"./app", "./x"}}, []string{"/srv/app", "./x"}},
		{"program elsewhere", App{WorkDir: "/srv", Command: []string{"/bin/app"}}, []string{"/bin/app"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(test.config.Command)
			if got := test.config.Argv(5001); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !slices.Equal(test.config.Command, before) {
				t.Errorf("Argv changed Command to %q", test.config.Command)
			}
		})
	}
}
