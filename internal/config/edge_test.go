package config

import (
	"path/filepath"
	"time"
)

// edgeNoDefault are the keys of Edge without a default, and the mappings of such keys.
var edgeNoDefault = []string{"accessLog", "to", "requestID", "basicAuth", "rateLimit", "client", "app"}

// edgeIn returns what the examples of the keys of Edge mean in dir.
func edgeIn(dir string) Edge {
	e := Default().Edge
	e.AccessLog.To = filepath.Join(dir, "access.log")
	e.RequestID = "X-Request-Id"
	e.BasicAuth = filepath.Join(dir, "users")
	e.RateLimit.Client, e.RateLimit.App = Rate{20, time.Second}, Rate{1000, time.Second}
	return e
}
