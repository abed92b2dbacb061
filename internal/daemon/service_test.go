package daemon

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/config"
)

// TestDrainDelay: auto is some seconds for a service, and nothing on a terminal.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		variable string
		pid      int
		terminal bool
		delay    time.Duration
		want     time.Duration
	}{
		{"shell", "", 7, false, config.Auto, 0},
		{"terminal", "INVOCATION_ID", 7, true, config.Auto, 0},
		{"systemd", "INVOCATION_ID", 7, false, config.Auto, serviceDrainDelay},
		{"systemd, Type=notify", "NOTIFY_SOCKET", 7, false, config.Auto, serviceDrainDelay},
		{"Kubernetes", "KUBERNETES_SERVICE_HOST", 7, false, config.Auto, serviceDrainDelay},
		{"container", "", 1, false, config.Auto, serviceDrainDelay},
		{"set to 0", "INVOCATION_ID", 1, false, 0, 0},
		{"set", "", 7, true, time.Second, time.Second},
	} {
		settings := config.Config{DrainDelay: c.delay}
		getenv := func(name string) string {
			if name == c.variable {
				return "set"
			}
			return ""
		}
		resolveDrainDelay(&settings, isService(getenv, c.pid, c.terminal))
		if settings.DrainDelay != c.want {
			t.Errorf("%s: drainDelay %v, want %v", c.name, settings.DrainDelay, c.want)
		}
	}
}
