package daemon

import (
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/local"
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
func healthCheck(a *config.App) local.Check {
	switch a.Protocol {
	case "h2c":
		return local.CheckH2C
	case "auto":
		return local.CheckEither
	default:
		return local.CheckHTTP1
	}
}
