//go:build !linux

package process

import "time"

// KillMarked does nothing here: other processes' environments cannot be read.
func KillMarked(Mark, time.Duration) (killed int, err error) { return 0, nil }

// KillOrphans does nothing here: other processes' environments cannot be read.
func KillOrphans(time.Duration) (killed int, err error) { return 0, nil }

func startTime(int) string { return "" }
