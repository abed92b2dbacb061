package segment

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// writerDir names the folder in which the test program, as a child, writes.
const writerDir = "DYNLB_TEST_SEGMENT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := write(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// killed are the options of the log that is written while its process is killed.
func killed(dir string) Options { return Options{Dir: dir, MaxBytes: 4 << 20} }

// write appends records with consecutive numbers for as long as it lives, and prints each
// number once the record is kept.
func write(dir string) error {
	l, err := Open(killed(dir))
	if err != nil {
		return err
	}
	next := 0
	if err := l.ReadBack(Position{}, func(r Record) bool {
		next, err = strconv.Atoi(strings.TrimRight(string(r.Payload), "x"))
		next++
		return false
	}); err != nil {
		return err
	}
	for ; ; next++ {
		if err := l.Append(time.Now(), []byte(strconv.Itoa(next)+strings.Repeat("x", next%2000))); err != nil {
			return err
		}
		if next%64 == 0 {
			if err := l.Sync(); err != nil {
				return err
			}
		}
		fmt.Println(next)
	}
}

// TestKill: a writer that is killed at any moment loses no record that was kept, and the
// next writer goes on from there.
func TestKill(t *testing.T) {
	t.Parallel()
	times := 200
	if testing.Short() {
		times = 10
	}
	dir := t.TempDir()
	for range times {
		kept := writeAndKill(t, dir)
		l := open(t, killed(dir))
		last, previous := -1, -1
		if err := l.Read(Position{}, func(r Record) bool {
			text := string(r.Payload)
			n, err := strconv.Atoi(strings.TrimRight(text, "x"))
			if err != nil || strings.Count(text, "x") != n%2000 {
				t.Fatalf("a damaged record: %.20q", text)
			}
			if previous >= 0 && n != previous+1 {
				t.Fatalf("record %d follows record %d", n, previous)
			}
			previous, last = n, n
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if last < kept || last > kept+1 {
			t.Fatalf("the last record is %d, and %d was kept", last, kept)
		}
		_ = l.Close()
	}
}

// writeAndKill runs a writer, kills it at some moment, and returns the last number that it
// printed.
func writeAndKill(t *testing.T, dir string) (kept int) {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerDir+"="+dir, "GORACE=atexit_sleep_ms=0")
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	limit := 1 + rand.IntN(300)
	kept = -1
	for range limit {
		if kept, err = readNumber(lines); err != nil {
			t.Fatalf("the writer ended by itself: %v", err)
		}
	}
	if err := writer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for { // what it printed before its end
		n, err := readNumber(lines)
		if err != nil {
			break
		}
		kept = n
	}
	_, _ = io.Copy(io.Discard, lines)
	_ = writer.Wait() // it was killed
	return kept
}

// readNumber reads a line with a number. A line that has no end is none.
func readNumber(r *bufio.Reader) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}
