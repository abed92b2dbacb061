//go:build !linux

package keeper

import (
	"errors"
	"os"
)

// Available says that this system cannot have a keeper: it has no parent-death signal.
const Available = false

func memoryFile([]byte) (*os.File, error) { return nil, errors.ErrUnsupported }

func socketPair() (ours, theirs *os.File, err error) { return nil, nil, errors.ErrUnsupported }
