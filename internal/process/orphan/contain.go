package orphan

import (
	"fmt"
	"log/slog"
	"os"
	"time"
)

// orphanLimit bounds how long a start waits until the processes of an earlier run
// are gone.
const orphanLimit = 5 * time.Second

// Contain kills the processes that a killed dynlb left behind, and starts the guard, which
// does so at once if this process is killed. Call closeGuard when all instances are gone.
func Contain(log *slog.Logger) (closeGuard func(), err error) {
	killed, err := KillAll(orphanLimit)
	if err != nil {
		log.Warn("cannot kill all processes of an earlier run", "error", err)
	}
	if killed > 0 {
		log.Warn("killed processes of an earlier run", "processes", killed)
	}
	g, err := StartOwnGuard(log)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := g.Close(); err != nil {
			log.Warn("guard failed", "error", err)
		}
	}, nil
}

// StartOwnGuard is StartGuard with this program, which must call RunGuard if its argument is
// guard.
func StartOwnGuard(log *slog.Logger) (*Guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return StartGuard([]string{self, "guard"}, log)
}
