package daemon

import (
	"runtime"
	"sync"

	"github.com/dynlb/dynlb/proxy"
)

// processors returns how many processors dynlb may use, as Go found at the start: there
// is an event loop for each of them.
var processors = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// addProcessor has Go's scheduler run one goroutine more at the same time than there are
// processors, unless net/http carries the requests. The event loops then keep theirs
// during short waits, and all other goroutines have one beside them.
func addProcessor(engine proxy.Engine) {
	if n := processors(); engine != proxy.EngineStd {
		runtime.GOMAXPROCS(n + 1)
	}
}
