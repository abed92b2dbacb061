package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// orphanLimit bounds how long a start waits until the processes of an earlier run
// are gone.
const orphanLimit = 5 * time.Second

// startGuard kills the processes that a killed dynlb left behind, and starts the
// guard: the process that does so at once if this dynlb is killed. Call closeGuard
// when all instances are gone.
func startGuard(log *slog.Logger) (closeGuard func(), err error) {
	log.Info("instances are contained", "by", cgroup.Containment())
	killed, err := orphan.KillAll(orphanLimit)
	if err != nil {
		log.Warn("cannot kill all processes of an earlier run", "error", err)
	}
	if killed > 0 {
		log.Warn("killed processes of an earlier run", "processes", killed)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	g, err := orphan.StartGuard([]string{self, "guard"}, log)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := g.Close(); err != nil {
			log.Warn("guard failed", "error", err)
		}
	}, nil
}
