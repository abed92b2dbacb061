package daemon

import (
	"runtime"
	"testing"
)

// TestGarbageTarget checks that collections that come fast are made rare, by a bounded amount
// of memory, and that memory is given back when they are rare by themselves.
func TestGarbageTarget(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		percent      int
		calm         int // looks before
		recent, live uint64
		want         int
	}{
		"idle":                        {gcPercent, 100, 0, 4 * mib, gcPercent},
		"some garbage":                {gcPercent, 0, busyCollections - 1, 4 * mib, gcPercent},
		"much":                        {gcPercent, 0, busyCollections, 4 * mib, 400},
		"much, and many connections":  {gcPercent, 0, 20, 16 * mib, 100},
		"much, and very many":         {gcPercent, 0, 20, 100 * mib, gcPercent},
		"still much":                  {400, 0, 1, 4 * mib, 400},
		"still, and connections came": {400, 0, 1, 8 * mib, 200},
		"none for a moment":           {400, calmAfter - 2, 0, 4 * mib, 400},
		"none any more":               {400, calmAfter - 1, 0, 4 * mib, gcPercent},
		"nothing is known to live":    {gcPercent, 0, 20, 0, 400},
	} {
		g := newGarbage()
		g.percent, g.calm = c.percent, c.calm
		if got := g.target(c.recent, c.live); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestGarbageIsSeen checks that Go has the metrics.
func TestGarbageIsSeen(t *testing.T) {
	t.Parallel()
	g := newGarbage()
	g.look()
	runtime.GC()
	if recent, live := g.look(); recent == 0 || live == 0 {
		t.Errorf("%d collections, %d bytes live", recent, live)
	}
}
