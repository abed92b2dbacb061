//go:build !linux

package keeper

import (
	"context"
	"errors"
	"log/slog"
)

// Options say what a keeper runs with.
type Options struct {
	// Args are the arguments with which a binary of dynlb is a worker.
	Args []string
	// Version is that of this binary.
	Version string
	// Log gets the entries of the keeper.
	Log *slog.Logger
}

// Run fails: see Available.
func Run(context.Context, Options) (code int, err error) { return 0, errors.ErrUnsupported }
