//go:build !linux

package orphan

import "time"

// KillMarked kills nothing here: the environment of other processes cannot be read.
func KillMarked(Mark, time.Duration) (killed int, err error) { return 0, nil }

// KillAll kills nothing here: the environment of other processes cannot be read.
func KillAll(time.Duration) (killed int, err error) { return 0, nil }
