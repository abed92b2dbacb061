package daemontest

import (
	"os"
	"strings"
	"testing"
)

// ProcessName returns the name of the process of the test as the kernel has it, which
// depends on how the test was built.
func ProcessName(t testing.TB) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skipf("no name of this process: %v", err)
	}
	return strings.TrimSpace(string(name))
}
