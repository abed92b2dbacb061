package dynlb_test

import (
	"os"
	"path/filepath"
	"regexp"
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
