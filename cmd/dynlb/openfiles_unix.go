//go:build unix

package main

import (
	"math"
	"syscall"
)

// halfOfOpenFiles is half of the open files that dynlb may have: the other half is
// for the connections to the instances, of which there is one for each request in
// flight. 0 when there is no limit.
func halfOfOpenFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return max(1, int(limit.Cur/2))
}
