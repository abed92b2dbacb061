package main

import (
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/cli"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

func TestMain(m *testing.M) {
	if os.Getenv(asOneAtATime) != "" {
		oneAtATime()
	}
	daemontest.Main(m, func([]string) int {
		main()
		return 0 // main has ended the process
	})
}

// command carries out a command line in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err daemontest.Buffer
	code = cli.Run(t.Context(), args, &out, &err, version)
	return code, out.String(), err.String()
}
