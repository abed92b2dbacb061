package dynlb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks checks that every relative link in a document leads to a file or a
// folder.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	for _, path := range texts(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// TestDecisions checks that the pages of docs/decisions are numbered without a gap,
// have their sections, and are listed in the index with their titles.
func TestDecisions(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/decisions/[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range pages {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		number, file := fmt.Sprintf("%04d", i+1), filepath.Base(path)
		first, rest, _ := strings.Cut(string(data), "\n")
		title, ok := strings.CutPrefix(first, "# "+number+": ")
		if !ok || !strings.HasPrefix(file, number+"-") {
			t.Errorf("%s begins with %q, want number %s", file, first, number)
		}
		for _, section := range []string{"Context", "Decision", "Consequences"} {
			if !strings.Contains(rest, "\n## "+section+"\n") {
				t.Errorf("%s has no section %s", file, section)
			}
		}
		if row := fmt.Sprintf("| [%s](%s) | %s |", number, file, title); !strings.Contains(string(index), row) {
			t.Errorf("the index has no row %s", row)
		}
	}
	if len(pages) == 0 {
		t.Error("there are no pages")
	}
}
