package instancelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func write(t *testing.T, s *Store, i int, instance, text string) {
	t.Helper()
	stream := "stdout"
	if i%2 == 1 {
		stream = "stderr"
	}
	if err := s.Write(Line{epoch.Add(time.Duration(i) * time.Second), "web", instance, stream, text}); err != nil {
		t.Fatal(err)
	}
}

func texts(lines []Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return strings.Join(all, " ")
}

// TestRead: lines of all instances are read in the order of their times, filtered, also by
// the next process.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), ""} {
		o := Options{Dir: dir, MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62}
		s := open(t, o)
		for i := range 6 {
			write(t, s, i, []string{"aa-1", "bb-2"}[i/2%2], fmt.Sprintf("line%d", i))
		}
		if dir != "" {
			_ = s.Close()
			s = open(t, o)
		}
		for q, want := range map[Query]bool{
			{Instance: "aa"}: true, {App: "web", Instance: "bb-2"}: true, {Instance: "zz"}: false, {App: "api", Instance: "aa"}: false,
			{Instance: "aa", Since: epoch.AddDate(900, 0, 0)}: true,
		} {
			if got := s.Has(q); got != want {
				t.Errorf("in %q: has %+v: %t", dir, q, got)
			}
		}
		for _, c := range []struct {
			q    Query
			want string
		}{
			{Query{Tail: 10}, "line0 line1 line2 line3 line4 line5"},
			{Query{Tail: 2}, "line4 line5"},
			{Query{Tail: 10, Instance: "bb"}, "line2 line3"},
			{Query{Tail: 10, Stream: "stderr"}, "line1 line3 line5"},
			{Query{Tail: 10, Since: epoch.Add(4 * time.Second)}, "line4 line5"},
			{Query{Tail: 10, Grep: regexp.MustCompile("[05]$")}, "line0 line5"},
			{Query{Tail: 10, App: "api"}, ""},
			{Query{Tail: 0}, ""},
		} {
			if got := texts(s.Read(c.q)); got != c.want {
				t.Errorf("dir %q, %+v: %q, want %q", dir, c.q, got, c.want)
			}
		}
	}
}

// TestRotation: a file is rotated at its size, an instance has two at most, and files that
// are too many or too old are removed, the oldest first.
func TestRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, MaxSize: 1000, MaxTotal: 5000, MaxAge: time.Hour})
	for i := range 100 {
		write(t, s, i, "aa", fmt.Sprintf("%03d%s", i, strings.Repeat("x", 100)))
	}
	lines := s.Read(Query{Tail: 1000})
	if n := len(lines); n < 8 || n > 14 || lines[n-1].Text[:3] != "099" {
		t.Errorf("%d lines are kept", n)
	}
	for i := range 10 { // of instances that have ended
		path := filepath.Join(dir, "web", fmt.Sprintf("old%d.log", i))
		if err := os.WriteFile(path, make([]byte, 900), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Duration(i)*10*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	s.remove(time.Now())
	total := int64(0)
	for _, f := range s.list() {
		total += f.size
	}
	if _, err := os.Stat(filepath.Join(dir, "web", "old0.log")); total > 5000 || total < 2000 || err != nil {
		t.Errorf("%d bytes are kept; the newest old file: %v", total, err)
	}
	s.remove(time.Now().Add(2 * time.Hour))
	if left := s.list(); len(left) != 1 || left[0].instance != "aa" {
		t.Errorf("files that are too old are kept: %+v; want the one that is written", left)
	}
}

// TestFollow: a follower gets each line once, after those of the past, and learns how many
// it has missed.
func TestFollow(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62})
	write(t, s, 0, "aa", "past")
	lines, f := s.Follow(Query{Tail: 10, Stream: "stdout"})
	defer f.Close()
	write(t, s, 2, "aa", "now")
	write(t, s, 3, "aa", "stderr")
	if texts(lines) != "past" {
		t.Errorf("the past: %q", texts(lines))
	}
	if lines, dropped, ok := f.Next(t.Context()); texts(lines) != "now" || dropped != 0 || !ok {
		t.Errorf("%q, %d dropped, %v", texts(lines), dropped, ok)
	}
	for i := range maxWaiting + 10 {
		write(t, s, 2*i, "aa", "x")
	}
	if lines, dropped, _ := f.Next(t.Context()); len(lines) != maxWaiting || dropped != 10 {
		t.Errorf("%d lines, %d dropped", len(lines), dropped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, ok := f.Next(ctx); ok {
		t.Error("Next goes on after its context")
	}
	_ = s.Close()
	if _, _, ok := f.Next(t.Context()); ok {
		t.Error("Next goes on after Close")
	}
}

// TestTornLine: a line that a crash has cut is left out.
func TestTornLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62})
	write(t, s, 0, "aa", "whole")
	_ = s.Close()
	path := filepath.Join(dir, "web", "aa.log")
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "2026-01-02T03:04:05.000000000Z stdout F whole\n" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := os.WriteFile(path, append(data, data[:len(data)-3]...), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62})
	if got := texts(s.Read(Query{Tail: 10})); got != "whole" {
		t.Errorf("%q", got)
	}
}

// TestFullDisk: on a full disk the file whose last line is the oldest makes room, once a
// second at most, and never one that is written.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62})
	write(t, s, 0, "aa", "x")
	for i, name := range []string{"newer.log", "older.log"} {
		path := filepath.Join(dir, "web", name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, epoch.Add(-time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no disk that is always full: %v", err)
	}
	present := s.files[s.path("web", "aa")]
	defer present.File.Close()
	present.File = full
	for range 2 {
		if err := s.Write(Line{Time: epoch, App: "web", Instance: "aa", Stream: "stdout", Text: "y"}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("written to a full disk: %v", err)
		}
	}
	var left []string
	for _, f := range s.list() {
		left = append(left, f.instance)
	}
	if want := []string{"aa", "newer"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// TestFolderOfAnyName: a folder whose name is a pattern that does not match itself is one like
// any other.
func TestFolderOfAnyName(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: filepath.Join(t.TempDir(), "state[1]"), MaxSize: 1 << 20, MaxTotal: 1 << 30, MaxAge: 1 << 62})
	write(t, s, 0, "aa", "x")
	if got := texts(s.Read(Query{Tail: 1})); got != "x" {
		t.Errorf("read %q, want x", got)
	}
}

// TestRemovalBesideWrites: a line is kept that is written while old files, and the folder
// of its app, are being removed.
func TestRemovalBesideWrites(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), MaxSize: 1 << 20, MaxTotal: 1 << 30})
	end, done := make(chan struct{}), make(chan struct{})
	go func() { // ends with end
		defer close(done)
		for {
			select {
			case <-end:
				return
			default:
				s.remove(time.Now().Add(time.Hour))
			}
		}
	}()
	defer func() {
		close(end)
		<-done
	}()
	for i := range 1000 {
		write(t, s, i, "aa", fmt.Sprint(i))
		if got := texts(s.Read(Query{Tail: 1})); got != fmt.Sprint(i) {
			t.Errorf("line %d: %q is the last one", i, got)
		}
		s.closeIdle(time.Now().Add(time.Hour)) // now it may be removed
	}
}
