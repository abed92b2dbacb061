package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func writeLedger(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLedgerFindsWhatWasCarriedOutTwice(t *testing.T) {
	l, err := readLedger(writeLedger(t, map[string]string{
		"5001-10": "p1 10\np2 10\np3 10\n",
		"5002-11": "p4 11\np2 11\n", // by another instance
		"5001-12": "p5 12\np5 12\n", // by the same one
		"5002-13": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.twice(), []string{"p2", "p5"}; !slices.Equal(got, want) {
		t.Errorf("twice: %v, want %v", got, want)
	}
	if got, want := l.missing([]string{"p1", "p6", "p5"}), []string{"p6"}; !slices.Equal(got, want) {
		t.Errorf("missing: %v, want %v", got, want)
	}
}

func TestLedgerRefusesWhatIsTorn(t *testing.T) {
	for _, text := range []string{"p1 10\np2 1", "p1\n", "\n"} {
		if l, err := readLedger(writeLedger(t, map[string]string{"a": text})); err == nil {
			t.Errorf("%q was read as %v", text, l)
		}
	}
}
