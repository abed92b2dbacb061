// Metricsgen writes docs/metrics.md from the metrics of package server. Its argument is
// the folder of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dynlb/dynlb/server"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "metricsgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("read arguments: want the folder of the repository, got %q", args)
	}
	return os.WriteFile(filepath.Join(args[0], "docs", "metrics.md"), server.MetricsDocument(), 0o644)
}
