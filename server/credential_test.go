package server

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCredentialFollowsItsFiles exchanges files of the same size, in the ways in
// which people and programs do.
func TestCredentialFollowsItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		reads := 0
		read := func() (string, error) {
			reads++
			data, err := os.ReadFile(file)
			if string(data) == "bad" {
				err = errors.New("bad token")
			}
			return string(data), err
		}
		write(file, "one")
		c, err := NewCredential("token", slog.New(slog.NewTextHandler(log, nil)), read, file)
		if err != nil {
			t.Fatal(err)
		}
		step := func(what, want string, wantReads int) {
			t.Helper()
			if got := c.Value(); got != want || reads != wantReads {
				t.Errorf("%s: %q after %d reads, want %q after %d", what, got, reads, want, wantReads)
			}
		}
		step("at first", "one", 1)
		write(dir+"/new", "two")
		rename(dir+"/new", file)
		time.Sleep(credentialInterval - 1)
		step("within a second", "one", 1)
		time.Sleep(time.Nanosecond)
		step("replaced", "two", 2)
		time.Sleep(time.Hour)
		step("nothing new", "two", 2)

		write(file, "san")
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(credentialInterval)
		step("written in place", "san", 3)

		// As Kubernetes exchanges what it mounts.
		for _, version := range []string{"1", "2"} {
			if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(filepath.Join(dir, version, "token"), "v."+version)
		}
		link := func(version string) {
			t.Helper()
			if err := errors.Join(os.Symlink(version, dir+"/next"), os.Rename(dir+"/next", dir+"/data")); err != nil {
				t.Fatal(err)
			}
		}
		link("1")
		if err := errors.Join(os.Remove(file), os.Symlink("data/token", file)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(credentialInterval)
		step("linked", "v.1", 4)
		link("2")
		time.Sleep(credentialInterval)
		step("linked anew", "v.2", 5)

		for range 3 {
			write(dir+"/new", "bad")
			rename(dir+"/new", file)
			time.Sleep(credentialInterval)
			c.Value()
		}
		step("refused", "v.2", 8)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(credentialInterval)
			step("gone", "v.2", 8)
		}
		write(file, "new")
		time.Sleep(credentialInterval)
		step("good again", "new", 9)

		for text, want := range map[string]int{
			"msg=\"credential has changed\" credential=token":                                           5,
			"level=WARN msg=\"credential stays as it was\" credential=token error=\"bad token\"":        1,
			"level=WARN msg=\"credential stays as it was\" credential=token error=\"stat " + file + ":": 1,
		} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%d times %s, want %d, in\n%s", got, text, want, log)
			}
		}
	})
}

// A pair of files is exchanged in two steps. Between them the old pair holds.
func TestCredentialOfTwoFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
		write := func(name, text string) {
			t.Helper()
			if err := errors.Join(os.WriteFile(name+"~", []byte(text), 0o600), os.Rename(name+"~", name)); err != nil {
				t.Fatal(err)
			}
		}
		read := func() (string, error) {
			a, errA := os.ReadFile(cert)
			b, errB := os.ReadFile(key)
			if !bytes.Equal(a, b) {
				return "", errors.New("no pair")
			}
			return string(a), errors.Join(errA, errB)
		}
		write(cert, "1")
		write(key, "1")
		c, err := NewCredential("pair", slog.New(slog.DiscardHandler), read, cert, key)
		if err != nil {
			t.Fatal(err)
		}
		write(cert, "2")
		time.Sleep(time.Minute)
		if got := c.Value(); got != "1" {
			t.Errorf("between the steps: %q, want 1", got)
		}
		write(key, "2")
		time.Sleep(credentialInterval)
		if got := c.Value(); got != "2" {
			t.Errorf("after both steps: %q, want 2", got)
		}
	})
}

func TestCredentialMustBeGoodAtFirst(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gone")
	read := func() (string, error) { return "", nil }
	if _, err := NewCredential("token", nil, read, file); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "read token: ") {
		t.Errorf("without a file: %v", err)
	}
	refused := errors.New("refused")
	read = func() (string, error) { return "", refused }
	if _, err := NewCredential("token", nil, read); !errors.Is(err, refused) {
		t.Errorf("with a bad one: %v", err)
	}
}

// TestCredentialThatIsNotRead: while the files cannot be read to their end, calls get the
// last value, and go on.
func TestCredentialThatIsNotRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		text, stuck := "one", make(chan struct{})
		c, err := NewCredential("token", slog.New(slog.DiscardHandler), func() (string, error) {
			if text != "one" {
				<-stuck
			}
			return text, nil
		}, file)
		if err != nil {
			t.Fatal(err)
		}
		text = "two"
		if err := os.WriteFile(file, []byte(text+text), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(credentialInterval)
		for range 3 {
			began := time.Now()
			if got := c.Value(); got != "one" || time.Since(began) > readWait {
				t.Errorf("%q after %v", got, time.Since(began))
			}
			time.Sleep(credentialInterval)
		}
		close(stuck)
		synctest.Wait()
		if got := c.Value(); got != "two" {
			t.Errorf("afterwards %q", got)
		}
	})
}
