package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// enter makes a folder with app.ts the working directory, and returns it as Getwd
// does.
func enter(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(folderWithApp(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir
}

// wantError checks that err is an *Error with one problem.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if got := report(t, err); !slices.Equal(got, []string{want}) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestLoadWithoutFile changes the working directory, so it does not run in parallel.
func TestLoadWithoutFile(t *testing.T) {
	dir := enter(t)
	got, err := Load("", nil)
	want := defaultIn(dir)
	want.Path = ""
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := Load("", port("8080")); err != nil || got.Listen != ":8080" {
		t.Errorf("listen = %q, %v; want :8080", got.Listen, err)
	}
	_, err = Load("", port("x"))
	wantError(t, err, `PORT: must be a port from 0 to 65535; got "x" in the environment`)
	_, err = Load("config.yaml", nil)
	wantError(t, err, "config.yaml: cannot be read: no such file or directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	_, err = Load("sub", nil)
	wantError(t, err, "sub: cannot be read: is a directory")
}

// TestLoadYML: config.yml is read if there is no config.yaml. The test changes the working
// directory, so it does not run in parallel.
func TestLoadYML(t *testing.T) {
	enter(t)
	for _, file := range []string{"config.yml", "config.yaml"} { // the second one beside the first
		if err := os.WriteFile(file, []byte("location: app.ts\nadmin: 127.0.0.1:70"+strconv.Itoa(len(file))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Load("", nil)
		if err != nil || got.Path != file {
			t.Errorf("read %q, %v; want %q", got.Path, err, file)
		}
		if client, err := LoadClient(""); err != nil || client.Admin != got.Admin {
			t.Errorf("clients use %q, %v; want %q", client.Admin, err, got.Admin)
		}
	}
}

// TestLoad changes the working directory, so it does not run in parallel.
func TestLoad(t *testing.T) {
	dir := enter(t)
	writeFile(t, ".", "config.yaml", "location: app.ts\n", 0o600)
	writeFile(t, ".", "sub/other.yaml", "location: ../app.ts\nminInstances: x\n", 0o600)
	writeFile(t, ".", "sub/good.yaml", "location: ../app.ts\n", 0o600)
	writeFile(t, ".", "large.yaml", string(make([]byte, maxSize+1)), 0o600)

	t.Run("default file", func(t *testing.T) {
		got, err := Load("", nil)
		want := defaultIn(dir)
		want.Location = filepath.Join(dir, "app.ts")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	})
	t.Run("paths start at the file", func(t *testing.T) {
		got, err := Load("sub/good.yaml", nil)
		want := defaultIn(filepath.Join(dir, "sub"))
		want.Path, want.Location = "sub/good.yaml", filepath.Join(dir, "app.ts")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	})
	t.Run("problem", func(t *testing.T) {
		_, err := Load("sub/other.yaml", nil)
		wantError(t, err, `sub/other.yaml:2: minInstances: must be a whole number from 0 to 65535; got "x"`)
	})
	t.Run("too large", func(t *testing.T) {
		_, err := Load("large.yaml", nil)
		wantError(t, err, "large.yaml: must not be larger than 1 MiB")
	})
}

// TestLoadStream reads what is not a regular file. It changes the working directory,
// so it does not run in parallel.
func TestLoadStream(t *testing.T) {
	enter(t)
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", "link"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pipe":      "pipe: cannot be read: is not a regular file", // without waiting for a writer
		"link":      "link: cannot be read: is not a regular file",
		"/dev/zero": "/dev/zero: cannot be read: is not a regular file",
		"-":         "-: cannot be read: is not the name of a file; for standard input write /dev/stdin",
	} {
		_, err := Load(name, nil)
		wantError(t, err, want)
	}
	if _, err := Load(os.DevNull, nil); err != nil {
		t.Error(err)
	}
	for _, folder := range []string{"/dev/fd", "/proc/self/fd"} {
		t.Run("open pipe in "+folder, func(t *testing.T) {
			if _, err := os.Stat(folder); err != nil {
				t.Skip(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := w.WriteString("minInstances: 3\n"); err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
			if got, err := Load(fmt.Sprintf("%s/%d", folder, r.Fd()), nil); err != nil || got.MinInstances != 3 {
				t.Errorf("minInstances = %d, %v", got.MinInstances, err)
			}
		})
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	tests := []struct{ yaml, port, listen, want string }{
		{"", "", ":4000", ""},
		{"", "80", ":80", ""},
		{"", "0", ":0", ""},
		{"", "65535", ":65535", ""},
		{"listen: 10.0.0.1:99", "80", "10.0.0.1:80", ""},
		{"listen: '[::1]:99'", "80", "[::1]:80", ""},
		{"listen: :4001", "80", ":80", ""}, // the collision is overridden too
		{"", "65536", "", `PORT: must be a port from 0 to 65535; got "65536" in the environment`},
		{"", "-1", "", `PORT: must be a port from 0 to 65535; got "-1" in the environment`},
		{"", "80 ", "", `PORT: must be a port from 0 to 65535; got "80 " in the environment`},
		{"", "tcp://10.0.0.1:80", "", `PORT: must be a port from 0 to 65535; got "tcp://10.0.0.1:80" in the environment`},
		{"", "4001", "", "PORT: must be on another port than admin (127.0.0.1:4001, the default); got :4001"},
		{"admin: :70", "70", "", "config.yaml:1: admin: must be on another port than listen (:70, by PORT in the environment); got :70"},
		{"listen: none", "80", "", `config.yaml:1: listen: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "none"`},
	}
	for _, test := range tests {
		t.Run(test.yaml+" PORT="+test.port, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("config.yaml", []byte(test.yaml), t.TempDir(), port(test.port))
			if test.want != "" {
				if lines := report(t, err); !slices.Equal(lines, []string{test.want}) {
					t.Errorf("got\n%v\nwant\n%s", err, test.want)
				}
				return
			}
			if err != nil || got.Listen != test.listen {
				t.Errorf("listen = %q, %v; want %q", got.Listen, err, test.listen)
			}
		})
	}
}
