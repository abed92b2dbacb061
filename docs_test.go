package dynlb_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReliabilityNamesTests holds docs/reliability.md to what there is: every test
// that it names exists, and every row of a table names one.
func TestReliabilityNamesTests(t *testing.T) {
	data, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9/]+)\\.(Test\\w+|Fuzz\\w+)`")
	for _, m := range named.FindAllStringSubmatch(string(data), -1) {
		if !hasTest(t, m[1], m[2]) {
			t.Errorf("%s.%s does not exist", m[1], m[2])
		}
	}
	rows := 0
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| test |\n") {
			continue
		}
		rows++
		if !named.MatchString(line) {
			t.Errorf("no test in %s", line)
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows were found", rows)
	}
}

// hasTest reports whether a package, named by the end of its folder, has a test.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	for _, pattern := range []string{folder, "internal/" + folder} {
		files, err := filepath.Glob(pattern + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), "\nfunc "+name+"(") {
				return true
			}
		}
	}
	return false
}

// TestReadmeNames compares the names that README.md lists with those of the code: the
// rules of the autoscaler, and the metrics.
func TestReadmeNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, section, row, source, declared string }{
		{"rules", "\n| rule |", "\n\\| `(\\w+)` \\|", "internal/autoscaler/rule.go", `= "(\w+)"`},
		{"metrics", "\n## Metrics", "`(dynlb_\\w+)", "docs/metrics.md", "\n\\| `(dynlb_\\w+)`"},
	} {
		readme, source := readText(t, "README.md"), readText(t, c.source)
		_, section, _ := strings.Cut(readme, c.section)
		section, _, _ = strings.Cut(section, "\n## ")
		if c.what == "rules" {
			section, _, _ = strings.Cut(section, "\n\n")
		}
		listed, declared := matchesOf(c.row, section), matchesOf(c.declared, source)
		if c.what == "metrics" { // README.md has the most important ones
			declared = slices.DeleteFunc(declared, func(name string) bool { return !slices.Contains(listed, name) })
		}
		if len(listed) == 0 || !slices.Equal(listed, declared) {
			t.Errorf("README.md lists the %s %q, %s has %q", c.what, listed, c.source, declared)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// matchesOf returns what the group of an expression matches in a text, sorted.
func matchesOf(expression, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}
