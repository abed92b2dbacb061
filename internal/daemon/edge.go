package daemon

import (
	"fmt"
	"os"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/edge"
)

// edgeSettings returns the rules in front of the apps of a config.
func edgeSettings(c *config.Config) (edge.Settings, error) {
	users, err := edgeUsers(c.BasicAuth)
	if err != nil {
		return edge.Settings{}, err
	}
	return edge.Settings{
		Describe:     c.AccessLog.To != "",
		RequestID:    c.RequestID,
		ServerTiming: c.ServerTiming,
		HSTS:         c.TLS.HSTS,
		Allow:        c.Allow,
		Deny:         c.Deny,
		Users:        users,
		ClientRate:   edgeRate(c.RateLimit.Client, c.RateLimit.Burst),
		Set:          c.Headers.Set,
		Remove:       c.Headers.Remove,

		SecurityHeaders: c.SecurityHeaders,
		AppRate:         edgeRate(c.RateLimit.App, c.RateLimit.Burst),
	}, nil
}

// edgeUsers returns the users in a file, nil if there is none.
func edgeUsers(path string) (*edge.Users, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("basicAuth: %w", err)
	}
	users, err := edge.ParseUsers(text)
	if err != nil {
		return nil, fmt.Errorf("basicAuth: %s: %w", path, err)
	}
	return users, nil
}

// edgeRate returns a rate of the config. One that is zero is no limit.
func edgeRate(r config.Rate, burst int) edge.Rate {
	if r.Requests == 0 {
		return edge.Rate{}
	}
	return edge.Rate{Requests: r.Requests, Per: r.Per, Burst: burst}
}
