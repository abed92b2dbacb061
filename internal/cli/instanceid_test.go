package cli

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// TestInstanceByMark: what an app has in DYNLB_INSTANCE names its instance, as the id does.
func TestInstanceByMark(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	id := r.Pool().GetInstances()[0].GetId()
	mark := string(orphan.NewMark(id))
	for _, args := range [][]string{{"logs", "--instance"}, {"events", "--instance"}, {"drain"}} {
		if code, _, stderr := cli(t, append(args, mark, "--admin", r.Admin)...); code != exitDone {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
	for text, want := range map[string]string{"": "", "3f2a": "3f2a", "1.2/3f2a": "3f2a"} {
		value := ""
		cmd := new(cobra.Command)
		instanceFlag(cmd, &value)
		if err := cmd.Flags().Set("instance", text); err != nil || value != want {
			t.Errorf("%q: %q, %v; want %q", text, value, err, want)
		}
	}
}
