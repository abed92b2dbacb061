package firstrun

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// roleTrial: trial ADDRESS tries an app that starts a process in a group of its own and
// never listens
func roleTrial(args []string) int {
	_, err := Run(context.Background(), App{
		Argv: func(int) []string { return processtest.Argv("setpgid", "alive", args[0]) },
		Env:  []string{processtest.RoleEnv + "=parent"},
	})
	fmt.Fprintln(os.Stderr, err)
	return 0
}

// TestKilled: a trial leaves no process if its program is killed.
func TestKilled(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	trial := processtest.Command("trial", line.Address())
	processtest.Start(t, trial)
	descendant := line.Accept()
	if err := trial.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	descendant.ExpectDeath(processtest.Limit)
}
