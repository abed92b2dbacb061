package route

import (
	"bytes"
	"strings"
	"sync/atomic"
)

// Rule says which requests are for an app.
type Rule struct {
	App *App
	// Hosts are the names that clients give, in lower case and without a port:
	// a.example.com, an address, [::1], or *.example.com for every name below
	// example.com. Empty: any, and requests that name none.
	Hosts []string
	// Paths are prefixes of the path, up to a slash or the end: /api is that of /api and
	// of /api/users, not of /apis. Empty: all paths.
	Paths []string
	// Strip takes the prefix away from the path that the instance gets.
	Strip bool
}

// Table is a Router for several apps. Of the rules that match host and path, the one with
// the most specific host applies: an exact host, then the longest wildcard, then any host.
// Among rules with the same host it is the one with the longest path. Create a Table with
// NewTable.
type Table struct{ routes atomic.Pointer[routes] }

// NewTable returns a Table with the rules.
func NewTable(rules []Rule) *Table {
	t := new(Table)
	t.Replace(rules)
	return t
}

// Replace puts other rules in force, for the requests that begin from now on.
func (t *Table) Replace(rules []Rule) { t.routes.Store(newRoutes(rules)) }

// Apps returns the apps of the rules in force.
func (t *Table) Apps() []*App { return t.routes.Load().apps }

// Route returns the app that a request is for. See Router.
func (t *Table) Route(host, path []byte) Match {
	r := t.routes.Load()
	if r.only != nil {
		return Match{App: r.only}
	}
	return r.find(host, path)
}

// routes are rules in the form in which they are looked up. They do not change.
type routes struct {
	apps   []*App
	only   *App             // gets every request; nil: there are hosts, paths or several apps
	exact  map[string]*site // by host
	below  map[string]*site // by what follows the asterisk: ".example.com"
	others *site            // of any host; nil: there is none
}

func newRoutes(rules []Rule) *routes {
	r := &routes{exact: map[string]*site{}, below: map[string]*site{}}
	for i := range rules {
		rule := &rules[i]
		r.apps = append(r.apps, rule.App)
		for _, host := range rule.Hosts {
			if suffix, ok := strings.CutPrefix(host, "*"); ok {
				addTo(r.below, suffix).add(rule)
			} else {
				addTo(r.exact, host).add(rule)
			}
		}
		if len(rule.Hosts) == 0 {
			if r.others == nil {
				r.others = newSite()
			}
			r.others.add(rule)
		}
	}
	if len(rules) == 1 && len(rules[0].Hosts) == 0 && len(rules[0].Paths) == 0 {
		r.only = rules[0].App
	}
	return r
}

// addTo returns the site of a name, which is new if there was none.
func addTo(sites map[string]*site, name string) *site {
	if sites[name] == nil {
		sites[name] = newSite()
	}
	return sites[name]
}

// maxHost is the length of the longest name that the DNS has (RFC 1035, 2.3.4).
const maxHost = 255

// find returns the app that a request is for.
func (r *routes) find(host, path []byte) Match {
	var room [maxHost]byte
	name := hostName(room[:0], host)
	known := r.others != nil
	if s := r.exact[string(name)]; s != nil {
		known = true
		if m := s.find(path); m.App != nil {
			return m
		}
	}
	if len(r.below) > 0 {
		for i := 1; i < len(name); i++ { // the longest suffix first
			if name[i] != '.' {
				continue
			}
			s := r.below[string(name[i:])]
			if s == nil {
				continue
			}
			known = true
			if m := s.find(path); m.App != nil {
				return m
			}
		}
	}
	if r.others != nil {
		return r.others.find(path)
	}
	return Match{Misdirected: !known}
}

// hostName appends the name in an authority to b, which has room for maxHost bytes: in
// lower case, without the port, and without the dot that ends an absolute name. It
// returns b for a name that is too long for that.
func hostName(b, host []byte) []byte {
	if len(host) > 0 && host[0] == '[' {
		if end := bytes.IndexByte(host, ']'); end > 0 {
			host = host[:end+1]
		}
	} else if end := bytes.IndexByte(host, ':'); end >= 0 {
		host = host[:end]
	}
	if n := len(host); n > 1 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) > maxHost {
		return b
	}
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// site is the rules of one host.
type site struct {
	paths   map[string]Match // by prefix, which does not end with a slash
	longest int              // the length of the longest prefix
	all     Match            // of the paths that no prefix matches
}

func newSite() *site { return &site{paths: map[string]Match{}} }

// add adds a rule.
func (s *site) add(rule *Rule) {
	if len(rule.Paths) == 0 {
		s.all = Match{App: rule.App}
	}
	for _, path := range rule.Paths {
		path = strings.TrimRight(path, "/")
		if path == "" {
			s.all = Match{App: rule.App}
			continue
		}
		m := Match{App: rule.App}
		if rule.Strip {
			m.Strip = len(path)
		}
		s.paths[path], s.longest = m, max(s.longest, len(path))
	}
}

// find returns the match of the longest prefix of path. Each prefix is looked up by its
// text, so the number of rules does not matter, and a path has no more than longest.
func (s *site) find(path []byte) Match {
	for end := min(len(path), s.longest); end > 0; end-- {
		if end < len(path) && path[end] != '/' {
			continue
		}
		if m, ok := s.paths[string(path[:end])]; ok {
			return m
		}
	}
	return s.all
}
