//go:build unix

package daemon

import (
	"runtime"
	"testing"
)

// TestConnectionsWithin: the open files suffice for two connections of each client,
// a pipe for every fourth client, and dynlb itself.
func TestConnectionsWithin(t *testing.T) {
	t.Parallel()
	own := ownFiles + loopFiles*runtime.GOMAXPROCS(0)
	for _, c := range []struct{ files, maxInstances, want int }{
		{0, 8, 0}, // no limit
		{own + 8*instanceFiles + 5*1000, 8, 2000},
		{own + 100*instanceFiles + 5*1000, 100, 2000},
		{64, 8, 8},
		{64, 1000, 8},
		{1, 8, 1},
		{1 << 30, 8, (1<<30 - own - 8*instanceFiles) / 5 * 2},
	} {
		got := connectionsWithin(c.files, c.maxInstances)
		if got < c.want || got > c.want+1 {
			t.Errorf("%d connections with %d files and %d instances, want %d", got, c.files, c.maxInstances, c.want)
		}
	}
}
