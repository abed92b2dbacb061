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

// Contain kills the processes that a killed dynlb left behind, and starts the guard: this
// program with the argument guard, which must call RunGuard. It does so at once if
// this process is killed. Call closeGuard when all instances are gone.
func Contain(log *slog.Logger) (closeGuard func(), err error) {
	killed, err := KillAll(orphanLimit)
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
	g, err := StartGuard([]string{self, "guard"}, log)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := g.Close(); err != nil {
			log.Warn("guard failed", "error", err)
		}
	}, nil
}
