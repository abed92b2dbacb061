package config

import "slices"

// scope is an app whose rules are checked.
type scope struct {
	*reader
	app    *App
	prefix string // of the keys of the app: "" or "apps.NAME."
}

func (r *reader) scope(prefix string, a *App) scope { return scope{r, a, prefix} }

// key returns the key that the app has a value from: its own, or the one beside apps.
func (s scope) key(name string) string {
	if own := s.prefix + name; s.isSet(own) || s.bad[own] {
		return own
	}
	return name
}

// keys returns the keys that the app has values from, and whether none of them has a
// problem of its own.
func (s scope) keys(a, b string) (keyA, keyB string, ok bool) {
	keyA, keyB = s.key(a), s.key(b)
	return keyA, keyB, s.good(keyA, keyB)
}

// validate checks the rules about an app.
func (s scope) validate() {
	c := s.app
	if low, high, ok := s.keys("minInstances", "maxInstances"); ok && c.MinInstances > c.MaxInstances {
		s.conflict(low, "at most", c.MinInstances, high, "at least", c.MaxInstances)
	}
	if down, up, ok := s.keys("scaleDownThreshold", "scaleUpThreshold"); ok && c.ScaleDownThreshold >= c.ScaleUpThreshold {
		s.conflict(down, "below", c.ScaleDownThreshold, up, "above", c.ScaleUpThreshold)
	}
	// The last port is basePort + maxInstances - 1.
	base, high, ok := s.keys("basePort", "maxInstances")
	if last := maxPort + 1; ok && !c.OnKubernetes() && c.BasePort+c.MaxInstances > last {
		at, _ := s.later(base, high)
		s.problem(at, "basePort + maxInstances must be at most %d; got %d + %d", last, c.BasePort, c.MaxInstances)
	}
	// Without an instance and without a queue, every request would fail.
	if low, queue, ok := s.keys("minInstances", "queue.limit"); ok && c.MinInstances == 0 && c.Queue.Limit == 0 {
		at, _ := s.later(low, queue)
		s.problem(at, "minInstances or queue.limit must be above 0; with 0 and 0 no request could wait for the first instance")
	}
	if program, _, ok := s.keys("command", "location"); ok && c.Location == "" && uses(c.Command, locationPlaceholder) {
		s.problem(s.set[program], "uses {location}; set location too, or write the path itself")
	}
	if c.Strip && len(c.Paths) == 0 && s.good(s.prefix+"paths") {
		s.problem(s.set[s.prefix+"strip"], "needs paths: there is no prefix to take away")
	}
	if health, protocol, ok := s.keys("health", "protocol"); ok && c.Health == "grpc" && c.Protocol == "http1" {
		s.problem(s.set[health], "needs %s: h2c or auto; gRPC is on HTTP/2", protocol)
	}
	s.kubernetes()
	s.versions()
	s.sockets()
	s.schedule()
}

// routes checks that no two apps have the same host and path.
func (r *reader) routes() {
	taken := map[[2]string]string{} // the name of the app
	for i := range r.config.Apps {
		a := &r.config.Apps[i]
		prefix := "apps." + a.Name
		if !r.good(prefix+".hosts", prefix+".paths") {
			continue
		}
		at := r.set[prefix]
		if len(a.Paths) > 0 {
			at = r.set[prefix+".paths"]
		} else if len(a.Hosts) > 0 {
			at = r.set[prefix+".hosts"]
		}
		for _, host := range orElse(a.Hosts, "") {
			for _, path := range orElse(a.Paths, "/") {
				other, ok := taken[[2]string{host, path}]
				taken[[2]string{host, path}] = a.Name
				switch where := r.set["apps."+other]; {
				case !ok:
				case other == a.Name:
					r.problem(at, "has %s and the path %s twice", hostText(host), path)
				default:
					r.problem(at, "has %s and the path %s; apps.%s on line %d has them too", hostText(host), path, other, where.line)
				}
			}
		}
	}
}

// orElse returns list, or a list of one when it is empty.
func orElse(list []string, one string) []string {
	if len(list) == 0 {
		return []string{one}
	}
	return list
}

func hostText(host string) string {
	if host == "" {
		return "every host"
	}
	return "the host " + host
}

// ports checks that all instances of several apps can have a port.
func (r *reader) ports() {
	if len(r.config.Apps) < 2 || len(r.problems) > 0 {
		return
	}
	all := slices.DeleteFunc(slices.Clone(r.config.Apps), func(a App) bool { return a.OnKubernetes() })
	slices.SortStableFunc(all, func(a, b App) int { return b.BasePort - a.BasePort })
	need := 0 // of the apps from a base port up
	for i := range all {
		need += all[i].InstanceLimit()
		if last := maxPort + 1; all[i].BasePort+need > last {
			s := r.scope("apps."+all[i].Name+".", &all[i])
			at, _ := r.later(s.key("basePort"), s.key("maxInstances"))
			r.problem(at, "the apps with a basePort of %d or more have %d instances at most, and only %d ports", all[i].BasePort, need, last-all[i].BasePort)
			return
		}
	}
}
