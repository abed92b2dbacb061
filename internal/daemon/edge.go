package daemon

import (
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/edge"
)

// edgeRules returns the rules in front of the app of a config, nil for none.
func edgeRules(c *config.Config) *edge.Rules {
	return edge.New(edge.Settings{
		Describe:     c.AccessLog.To != "",
		RequestID:    c.RequestID,
		ServerTiming: c.ServerTiming,
		HSTS:         c.TLS.HSTS,
	})
}
