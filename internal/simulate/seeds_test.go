package simulate

import "testing"

// seeds returns how many of n seeds a test is to run: one under -short. The race detector
// makes a simulation ten times slower and has nothing to find in it, as all of it is one
// goroutine, so it sees a few seeds only.
func seeds(n uint64) uint64 {
	switch {
	case testing.Short():
		return 1
	case raceDetector:
		return max(2, n/4)
	default:
		return n
	}
}
