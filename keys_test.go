package dynlb_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
)

// TestRestartKeys compares the keys that apply by a rolling restart according to
// their description with those for which the local fleet makes one.
func TestRestartKeys(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("internal/fleet/local/difference.go")
	if err != nil {
		t.Fatal(err)
	}
	var compared []string
	for _, m := range regexp.MustCompile(`\n\t\t\{"(\w+)", (?:a\.|slices\.|maps\.)`).FindAllStringSubmatch(string(source), -1) {
		compared = append(compared, m[1])
	}
	var described []string
	for _, k := range config.Keys() {
		if k.Change == config.RollingRestart {
			described = append(described, k.Name)
		}
	}
	slices.Sort(compared)
	slices.Sort(described)
	if !slices.Equal(compared, described) {
		t.Errorf("differences in internal/fleet/local/difference.go compares %q, want those that internal/config/keys.go describes: %q", compared, described)
	}
}
