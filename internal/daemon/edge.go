package daemon

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/edge"
)

// edgeSettings returns the rules in front of an app.
func edgeSettings(c *config.Edge) (edge.Settings, error) {
	users, err := edgeUsers(c.BasicAuth)
	if err != nil {
		return edge.Settings{}, err
	}
	maintenance, err := edgeMaintenance(c.Maintenance)
	if err != nil {
		return edge.Settings{}, err
	}
	pages, err := edgePages(c.ErrorPages)
	if err != nil {
		return edge.Settings{}, err
	}
	return edge.Settings{
		Describe:     c.AccessLog.To != "",
		RequestID:    c.RequestID,
		ServerTiming: c.ServerTiming,
		HSTS:         c.HSTS,
		Allow:        c.Allow,
		Deny:         c.Deny,
		Users:        users,
		ClientRate:   edgeRate(c.RateLimit.Client, c.RateLimit.Burst),
		Set:          c.Headers.Set,
		Remove:       c.Headers.Remove,

		SecurityHeaders: c.SecurityHeaders,
		Maintenance:     maintenance,
		Pages:           pages,
		Compress:        c.Compression,
		AppRate:         edgeRate(c.RateLimit.App, c.RateLimit.Burst),
	}, nil
}

// noteFiles notes the files that a config names and that are read with it, for the watch.
func (d *Daemon) noteFiles(c *config.Config) {
	var files []string
	add := func(e *config.Edge) {
		for _, path := range append(slices.Collect(maps.Values(e.ErrorPages)), e.BasicAuth, e.Maintenance) {
			if path != "" && path != config.On {
				files = append(files, path)
			}
		}
	}
	for _, a := range c.AllApps() {
		add(&a.Edge)
		if a.EnvFile != "" {
			files = append(files, a.EnvFile)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	d.named.Store(&files)
}

// configFiles returns the files that the config last loaded names.
func (d *Daemon) configFiles() []string { return *d.named.Load() }

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

// edgeMaintenance returns what the key maintenance asks for, nil for nothing.
func edgeMaintenance(value string) (*edge.Maintenance, error) {
	switch value {
	case "":
		return nil, nil
	case config.On:
		return new(edge.Maintenance), nil
	}
	page, err := config.ReadPage(value)
	if err != nil {
		return nil, fmt.Errorf("maintenance: %w", err)
	}
	return &edge.Maintenance{Page: page}, nil
}

// edgePages returns the pages in files by status, nil if there are none.
func edgePages(paths map[int]string) (*edge.Pages, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	pages := &edge.Pages{ByCode: map[int][]byte{}}
	for code, path := range paths {
		page, err := config.ReadPage(path)
		if err != nil {
			return nil, fmt.Errorf("errorPages: %w", err)
		}
		if code == config.DefaultPage {
			pages.Default = page
		} else {
			pages.ByCode[code] = page
		}
	}
	return pages, nil
}

// edgeRate returns a rate of the config. One that is zero is no limit.
func edgeRate(r config.Rate, burst int) edge.Rate {
	if r.Requests == 0 {
		return edge.Rate{}
	}
	return edge.Rate{Requests: r.Requests, Per: r.Per, Burst: burst}
}
