package daemon

import (
	"time"

	"github.com/dynlb/dynlb/internal/config"
)

// serviceDrainDelay is the drainDelay of a service when the config leaves it to dynlb.
// Kubernetes and most balancers notice within it that a backend is not ready: the default
// is one check in 10 s for Kubernetes, which also removes the endpoint at once when it
// ends a pod, 5 s for Consul and 2 s for HAProxy.
const serviceDrainDelay = 5 * time.Second

// isService reports whether dynlb runs as a service, where clients may come through a
// balancer that takes time to notice a stop: under systemd, in Kubernetes, or as process 1
// of a container. With a terminal it does not: shells in a desktop session inherit the
// variables of systemd.
func isService(getenv func(string) string, pid int, terminal bool) bool {
	if terminal {
		return false
	}
	for _, name := range []string{"NOTIFY_SOCKET", "INVOCATION_ID", "KUBERNETES_SERVICE_HOST"} {
		if getenv(name) != "" {
			return true
		}
	}
	return pid == 1
}

// resolveDrainDelay sets the drainDelay that the config leaves to dynlb.
func resolveDrainDelay(c *config.Config, service bool) {
	if c.DrainDelay != config.Auto {
		return
	}
	c.DrainDelay = 0
	if service {
		c.DrainDelay = serviceDrainDelay
	}
}

// StopTime returns how long a daemon with a config takes to stop as a service at most:
// drainDelay, then drainTimeout for the requests, then stopTimeout for the instances.
func StopTime(c *config.Config) time.Duration {
	delay := c.DrainDelay
	if delay == config.Auto {
		delay = serviceDrainDelay
	}
	drain, stop := stopTimes(c)
	return delay + drain + stop
}

// stopTimes returns the longest time that the requests of an app may take to finish
// (drainTimeout), and the longest one that instances may take to stop (stopTimeout).
func stopTimes(c *config.Config) (drain, stop time.Duration) {
	for _, a := range c.AllApps() {
		drain, stop = max(drain, a.DrainTimeout), max(stop, a.StopTimeout)
	}
	return drain, stop
}
