package config

// AccessLog says which requests are logged where.
type AccessLog struct {
	// To is an absolute path, or stdout. Empty: there is no access log.
	To string
	// Format is json or combined.
	Format string
	// Query tells that queries are logged.
	Query bool
	// MaxSize is in bytes. Keep is 0 for no limit.
	MaxSize int64
	Keep    int
}

// Stdout is the AccessLog.To that stands for standard output.
const Stdout = "stdout"

// accessLogs checks that all logs in the same file are rotated in the same way.
func (r *reader) accessLogs() {
	scopes := []scope{r.scope("", &r.config.App)}
	for i := range r.config.Apps {
		a := &r.config.Apps[i]
		scopes = append(scopes, r.scope("apps."+a.Name+".", a))
	}
	for i, s := range scopes {
		for _, before := range scopes[:i] {
			one, other := &before.app.AccessLog, &s.app.AccessLog
			if one.To != other.To || one.To == "" || one.To == Stdout {
				continue
			}
			if one.MaxSize != other.MaxSize || one.Keep != other.Keep {
				at, _ := s.later(s.key("accessLog.maxSize"), s.key("accessLog.keep"))
				s.problem(at, "must be the same for all apps that log to %s", displayPath(one.To))
				return
			}
		}
	}
}
