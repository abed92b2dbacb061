package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func add(t *testing.T, l *Log, at time.Time, text string) {
	t.Helper()
	if err := l.Append(at, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// texts returns all records.
func texts(t *testing.T, l *Log) (all []string) {
	t.Helper()
	if err := l.Read(Position{}, func(r Record) bool {
		all = append(all, string(r.Payload))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// both runs a test on the disk and in memory.
func both(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	t.Run("disk", func(t *testing.T) { t.Parallel(); test(t, t.TempDir()) })
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, "") })
}

// TestRead: records are read in both directions, from each position.
func TestRead(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, dir string) {
		l := open(t, Options{Dir: dir, MaxBytes: 1 << 30, MaxAge: time.Minute})
		var want []string
		var at []Position
		for i := range 40 { // a file for each 4 s
			want = append(want, strconv.Itoa(i))
			add(t, l, epoch.Add(time.Duration(i)*time.Second), want[i])
		}
		if err := l.Read(Position{}, func(r Record) bool { at = append(at, r.At); return true }); err != nil {
			t.Fatal(err)
		}
		if len(at) != len(want) || len(l.segments) < 5 {
			t.Fatalf("%d records in %d files", len(at), len(l.segments))
		}
		for i, from := range at {
			var forward, back []string
			_ = l.Read(from, func(r Record) bool { forward = append(forward, string(r.Payload)); return true })
			_ = l.ReadBack(from, func(r Record) bool { back = append(back, string(r.Payload)); return true })
			slices.Reverse(back)
			if i > 0 && !slices.Equal(back, want[:i]) || !slices.Equal(forward, want[i:]) {
				t.Errorf("from record %d: forward %v, back %v", i, forward, back)
			}
			seen := false
			_ = l.Read(l.Seek(epoch.Add(time.Duration(i)*time.Second)), func(r Record) bool {
				seen = string(r.Payload) == want[i]
				return !seen
			})
			if !seen {
				t.Errorf("Seek to the time of record %d goes beyond it", i)
			}
		}
		back := 0
		_ = l.ReadBack(Position{}, func(Record) bool { back++; return back < 7 })
		if back != 7 {
			t.Errorf("%d records were read back, want 7", back)
		}
	})
}

// TestTornTail: what a crash leaves of the last record, at any length, is cut off, and the
// next record follows the whole ones.
func TestTornTail(t *testing.T) {
	t.Parallel()
	for cut := range headerSize + 5 {
		dir := t.TempDir()
		l := open(t, Options{Dir: dir, MaxBytes: 1 << 20})
		add(t, l, epoch, "whole")
		size := l.Size()
		add(t, l, epoch, "torn!")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, "000000000001.seg"), size+int64(cut)); err != nil {
			t.Fatal(err)
		}
		l = open(t, Options{Dir: dir, MaxBytes: 1 << 20})
		add(t, l, epoch, "next")
		if got := texts(t, l); !slices.Equal(got, []string{"whole", "next"}) {
			t.Errorf("after %d bytes of a record: %q", cut, got)
		}
	}
}

// TestZeros: a file whose end was never written, as after a loss of power, is cut there.
func TestZeros(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Options{Dir: dir, MaxBytes: 1 << 20})
	add(t, l, epoch, "whole")
	_ = l.Close()
	if err := os.Truncate(filepath.Join(dir, "000000000001.seg"), 4096); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{Dir: dir, MaxBytes: 1 << 20})
	add(t, l, epoch, "next")
	if got := texts(t, l); !slices.Equal(got, []string{"whole", "next"}) {
		t.Errorf("%q", got)
	}
}

// TestDamage: a damaged record hides those after it in the same file, and no others.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, Options{Dir: dir, MaxBytes: 1 << 30, MaxAge: 16 * time.Second})
	for i := range 4 { // two in each file
		add(t, l, epoch.Add(time.Duration(i)*time.Second), fmt.Sprintf("record %d", i))
	}
	path := filepath.Join(dir, "000000000001.seg")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, l); !slices.Equal(got, []string{"record 0", "record 2", "record 3"}) {
		t.Errorf("%q", got)
	}
}

// TestRetention: what is too much or too old is forgotten, the oldest first.
func TestRetention(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, dir string) {
		l := open(t, Options{Dir: dir, MaxBytes: 2 << 20})
		for i := range 4000 {
			add(t, l, epoch, fmt.Sprintf("%04d%s", i, strings.Repeat("x", 1020)))
			if l.Size() > 2<<20 {
				t.Fatalf("%d bytes are kept", l.Size())
			}
		}
		got := texts(t, l)
		if len(got) < 1700 || got[len(got)-1][:4] != "3999" {
			t.Errorf("%d records are left", len(got))
		}
		if dir != "" {
			if used := diskUsage(t, dir); used != l.Size() {
				t.Errorf("%d bytes on the disk, and Size is %d", used, l.Size())
			}
		}
	})
	both(t, func(t *testing.T, dir string) {
		l := open(t, Options{Dir: dir, MaxBytes: 1 << 30, MaxAge: time.Hour})
		for i := range 300 {
			add(t, l, epoch.Add(time.Duration(i)*time.Minute), strconv.Itoa(i))
		}
		got := texts(t, l)
		if oldest, _ := strconv.Atoi(got[0]); len(got) < 60 || oldest < 230 {
			t.Errorf("%d records are left, from %s on; want those of the last hour", len(got), got[0])
		}
	})
}

func diskUsage(t *testing.T, dir string) (total int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

// TestRefused: a record that is too large, and one after Close, are dropped.
func TestRefused(t *testing.T) {
	t.Parallel()
	l := open(t, Options{MaxBytes: 1 << 20})
	if err := l.Append(epoch, make([]byte, maxPayload+1)); !errors.Is(err, ErrDropped) {
		t.Errorf("too large: %v", err)
	}
	_ = l.Close()
	if err := l.Append(epoch, nil); !errors.Is(err, ErrDropped) {
		t.Errorf("after Close: %v", err)
	}
}
