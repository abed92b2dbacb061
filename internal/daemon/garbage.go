package daemon

import (
	"os"
	"runtime/debug"

	"github.com/dynlb/dynlb/proxy"
)

// gcPercent is the garbage collector's target with event loops. Go's default of
// 100 doubles the memory of idle connections. The event loops allocate almost
// nothing, so collecting twice as often costs them almost nothing.
const gcPercent = 50

// setGCPercent sets gcPercent, unless net/http carries the requests, which makes
// much garbage, or the variable GOGC is set.
func setGCPercent(engine proxy.Engine) {
	if engine != proxy.EngineStd && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
