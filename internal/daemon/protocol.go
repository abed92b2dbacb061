package daemon

import (
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/proxy/route"
)

// protocol returns what the instances of an app speak.
func protocol(a *config.App) route.Protocol {
	switch a.Protocol {
	case "h2c":
		return route.H2C
	case "auto":
		return route.EitherHTTP
	default:
		return route.HTTP1
	}
}

// healthCheck returns the protocol in which the instances of an app are asked for their
// health.
func healthCheck(a *config.App) probe.Check {
	switch a.Protocol {
	case "h2c":
		return probe.CheckH2C
	case "auto":
		return probe.CheckEither
	default:
		return probe.CheckHTTP1
	}
}
