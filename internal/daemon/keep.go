package daemon

import (
	"context"
	"log/slog"
	"os"

	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/logging"
)

// Keep is `dynlb serve` with a keeper: this process keeps the instances and the listeners,
// and has workers, each of which is a process that calls Serve, do the work. args are the
// arguments of a worker, and version is that of this binary. It returns the exit status of
// dynlb: the worker has printed why.
func Keep(ctx context.Context, args []string, level slog.Level, version string) (code int, err error) {
	logs := logging.New(os.Stderr, level)
	defer logs.Close()
	slog.SetDefault(logs.Own)
	return keeper.Run(ctx, keeper.Options{Args: args, Version: version, Log: logs.Own})
}
