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
