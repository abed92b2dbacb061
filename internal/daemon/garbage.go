package daemon

import (
	"os"
	"runtime/debug"

	"github.com/dynlb/dynlb/proxy"
)

// gcPercent is how much garbage there may be, in percent of what is in use. Go's
// default of 100 doubles what idle connections cost; the event loops make next to no
// garbage, so that collecting it twice as often costs nothing to speak of.
const gcPercent = 50

// collectSooner has garbage collected at gcPercent, unless net/http carries the
// requests, which makes plenty of it, or GOGC says otherwise.
func collectSooner(engine proxy.Engine) {
	if engine != proxy.EngineStd && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
