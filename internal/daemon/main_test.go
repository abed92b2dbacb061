package daemon_test

import (
	"context"
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/cli"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

func TestMain(m *testing.M) {
	daemontest.Main(m, func(args []string) int {
		return cli.Run(context.Background(), args, os.Stdout, os.Stderr, "(test)")
	})
}

// run carries out a command line.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err daemontest.Buffer
	code = cli.Run(t.Context(), args, &out, &err, "(test)")
	return code, out.String(), err.String()
}
