package daemon

import (
	"runtime"
	"testing"

	"github.com/dynlb/dynlb/proxy"
)

// TestAddProcessor checks that goroutines have a processor beside the event loops, and
// that its addition changes nothing where there are no loops. It is not parallel: the
// number of processors is that of the process.
func TestAddProcessor(t *testing.T) {
	before := processors()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for engine, want := range map[proxy.Engine]int{proxy.EngineStd: before, proxy.EngineFast: before + 1, proxy.EngineAuto: before + 1} {
		runtime.GOMAXPROCS(before)
		addProcessor(engine)
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%s: %d processors, want %d", engine, got, want)
		}
	}
	if processors() != before {
		t.Errorf("%d event loops, want %d", processors(), before)
	}
}
