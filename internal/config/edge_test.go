package config

import "path/filepath"

// edgeNoDefault are the keys of Edge without a default, and the mappings of such keys.
var edgeNoDefault = []string{"accessLog", "to", "requestID"}

// edgeIn returns what the examples of the keys of Edge mean in dir.
func edgeIn(dir string) Edge {
	e := Default().Edge
	e.AccessLog.To = filepath.Join(dir, "access.log")
	e.RequestID = "X-Request-Id"
	return e
}
