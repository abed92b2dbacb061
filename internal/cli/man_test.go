package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMan: each command has a page, which roff reads without a warning.
func TestMan(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	if code, stdout, stderr := cli(t, "man", dir); code != exitDone || !strings.HasSuffix(stdout, " pages in "+dir+"\n") {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	for _, page := range []string{"dynlb", "dynlb-serve", "dynlb-top", "dynlb-service-install", "dynlb-completion-zsh"} {
		text, err := os.ReadFile(filepath.Join(dir, page+".1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range []string{".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS"} {
			if !strings.Contains(string(text), section) {
				t.Errorf("%s lacks %q", page, section)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "dynlb-resurrect.1")); err == nil {
		t.Error("a word that is no command has a page")
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		return
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if out, err := exec.Command(groff, "-man", "-ww", "-z", "-Tutf8", page).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", page, err, out)
		}
	}
}

func TestRoff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":               "plain\n",
		".x\n'y \\ --z":       "\\&.x\n\\&'y \\e \\-\\-z\n",
		"one\n\n  two\nthree": "one\n.PP\n.nf\n  two\n.fi\nthree\n",
		"one\n  two":          "one\n.nf\n  two\n.fi\n",
	} {
		if got := roffText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestExamples: the help of each command has an example, which begins with its name.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, c := range documented(newRoot(&options{}))[1:] {
		if !strings.Contains(c.Example, "dynlb "+strings.TrimPrefix(c.CommandPath(), "dynlb ")) {
			t.Errorf("%s has the example %q", c.CommandPath(), c.Example)
		}
	}
}
