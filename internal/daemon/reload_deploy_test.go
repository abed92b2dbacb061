package daemon

import (
	"log/slog"
	"net"
	"testing"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/fleet"
)

// TestReloadAfterDeployHasEnded: a deploy may end before the reload is reported that failed
// because of it. The config is read again all the same.
func TestReloadAfterDeployHasEnded(t *testing.T) {
	t.Parallel()
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = public.Close() }()
	d := &Daemon{log: slog.New(slog.DiscardHandler), apps: app.NewSet(), public: public, reloads: make(chan string, 1)}
	d.deployEnded()
	if len(d.reloads) > 0 {
		t.Fatal("a deploy that nothing waited for had the config read again")
	}
	d.reloaded(fleet.ErrDeploying)
	if len(d.reloads) == 0 {
		t.Error("the config is not read again")
	}
}
