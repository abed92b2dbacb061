package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPreludeIsFirst: the package prelude is initialised before the packages that take time,
// of which net is the first one that both a keeper and a worker need. It comes later as soon
// as it imports more than it does.
func TestPreludeIsFirst(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	trace, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllStringSubmatch(string(trace), -1) {
		order = append(order, m[1])
	}
	at := slices.Index(order, "github.com/dynlb/dynlb/internal/prelude")
	const limit = 50 // 35 with Go 1.26, of more than 300
	if at < 0 || at > limit {
		t.Errorf("position %d of %d:\n%s", at, len(order), strings.Join(order, "\n"))
	}
	// The worker that it starts must not inherit the variable that is set for net/http.
	extended, http := slices.Index(order, "github.com/dynlb/dynlb/proxy/std/extended"), slices.Index(order, "net/http")
	if extended < at || http < extended {
		t.Errorf("positions of prelude, extended and net/http: %d, %d, %d", at, extended, http)
	}
}
