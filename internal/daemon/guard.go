package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// orphanLimit is how long a start waits for what an earlier run left behind to
// be gone.
const orphanLimit = 5 * time.Second

// guard kills what a dynlb that was killed left behind, and starts the process
// that does the same for this one. Call closeGuard when all instances are gone.
func guard(log *slog.Logger) (closeGuard func(), err error) {
	log.Info("instances are contained", "by", cgroup.Containment())
	killed, err := orphan.KillAll(orphanLimit)
	if err != nil {
		log.Warn("processes of an earlier run are left", "error", err)
	}
	if killed > 0 {
		log.Warn("killed what an earlier run left behind", "processes", killed)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	g, err := orphan.StartGuard([]string{self, "guard"})
	if err != nil {
		return nil, err
	}
	return func() {
		if err := g.Close(); err != nil {
			log.Warn("guard failed", "error", err)
		}
	}, nil
}
