package cli

import (
	"context"
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

const testVersion = "v1.2.3"

func TestMain(m *testing.M) {
	daemontest.Main(m, func(args []string) int {
		return Run(context.Background(), args, os.Stdout, os.Stderr, testVersion)
	})
}

// cli runs one command line in a folder of its own.
func cli(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err daemontest.Buffer
	code = Run(t.Context(), args, &out, &err, testVersion)
	return code, out.String(), err.String()
}
