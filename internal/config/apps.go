package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// appName is a DNS label (RFC 1123, 2.1) in lower case: it stands in metrics, commands
// and variables.
var appName = pattern.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// appsKey is the key of several apps. An app may have those of the others with PerApp.
func appsKey(others []Key) Key {
	var shared []string
	for _, k := range others {
		if !k.PerApp {
			shared = append(shared, "`"+k.Name+"`")
		}
	}
	last := len(shared) - 1
	return Key{
		Name: "apps", Value: apps(), Example: `{web: {hosts: [a.example.com]}, api: {hosts: [a.example.com], paths: [/api], strip: true}}`, Change: AtOnce,
		Meaning: "Several apps by name, a DNS label in lower case. Each has instances, a queue and scaling of its own. An app takes the keys below and all others but " +
			strings.Join(shared[:last], ", ") + " and " + shared[last] + "; those that it does not have, it takes from beside `apps`. A reload that adds, changes or removes an app does not touch the others. Unset: one app, called `default`.",
	}
}

// routeKeys are the keys of an app that stand under apps only.
func routeKeys(a *App) []Key {
	return []Key{
		{
			Name: "hosts", Value: hosts(&a.Hosts), Default: "[]", Change: AtOnce,
			Meaning: "The hosts whose requests are for the app, such as `a.example.com`, or `*.example.com` for all names below `example.com`. An exact host counts before a wildcard, a longer wildcard before a shorter one, and both before an app without hosts, which has all. A host that no app has is answered 421.",
		},
		{
			Name: "paths", Value: prefixList(&a.Paths), Default: "[]", Change: AtOnce,
			Meaning: "Prefixes of the paths whose requests are for the app. `/api` is that of `/api` and `/api/users`, not of `/apis`. The longest one counts. Unset: all paths. A path that no app has is answered 404.",
		},
		{
			Name: "strip", Value: boolean(&a.Strip), Default: "false", Change: AtOnce,
			Meaning: "Whether instances get the path without the prefix of `paths`. `X-Forwarded-Prefix` has the prefix then.",
		},
		{
			Name: "hsts", Value: duration(&a.HSTS, 0), Default: "0", Change: AtOnce,
			Meaning: "As `tls.hsts`, which is the default.",
		},
	}
}

// perApp marks keys as those that an app may have.
func perApp(keys []Key) []Key {
	for i := range keys {
		keys[i].PerApp = true
	}
	return keys
}

// appTable is the table of the keys of an app. The decoders fill the app of c.
func appTable(c *Config) []Key {
	all := keysOf(c)
	return append(routeKeys(&c.App), slices.DeleteFunc(all, func(k Key) bool { return !k.PerApp })...)
}

// isShared reports whether a key of an app is one that only dynlb as a whole has.
func (r *reader) isShared(at place, name string) bool {
	_, rest, ok := strings.Cut(at.key, "apps.")
	if !ok || strings.Count(rest, ".") != 1 || !strings.HasPrefix(at.key, "apps.") {
		return false
	}
	_, known := find(Keys(), name)
	return known
}

// apps is a mapping of names to apps. It is read by readApps, as the other keys are the
// defaults of the apps.
func apps() Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
			r.wrong(at, node, "a mapping of names to apps, such as {web: {hosts: [a.example.com]}}; without several apps leave it out")
			return
		}
		r.apps = node
	}
	return Value{Kind: Apps, Item: routeKeys(new(App)), decode: decode}
}

// readApps reads the apps, when all other keys were read.
func (r *reader) readApps() {
	if r.apps == nil {
		return
	}
	r.pairs("apps.", r.apps, func(at place, name string, node *yaml.Node) {
		if !appName().MatchString(name) {
			r.problem(at, "must be a name of lower-case letters, digits and hyphens, such as web, of 63 at most")
			return
		}
		own := Config{App: r.config.App}
		own.Name, r.set[at.key] = name, at
		r.source.file = own.FileEnv
		switch {
		case isNull(node):
		case node.Kind == yaml.MappingNode:
			r.readVariables(at.key+".", node, &own.App)
			r.mapping(at.key+".", node, appTable(&own))
		default:
			r.wrong(at, node, "a mapping with the keys "+names(appTable(&own)))
			return
		}
		r.config.Apps = append(r.config.Apps, own.App)
	})
}

// hosts is a list of hosts. They are stored in lower case, IPv6 addresses in brackets.
func hosts(field *[]string) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		*field = r.list(at, node, "a list of hosts, such as [a.example.com, \"*.example.com\"]", func(s string) (string, string) {
			s = strings.ToLower(s)
			bare := strings.Trim(s, "[]")
			if address, err := netip.ParseAddr(bare); err == nil && address.Is6() && address.Zone() == "" {
				return "[" + address.String() + "]", ""
			}
			switch host, port, ok := SplitAddress(s); {
			case ok && port > 0:
				return "", "a host without a port; write " + host
			case strings.Trim(s, "*.") == "":
				return "", "a host; an app for all hosts has no hosts"
			case !isHost(strings.TrimPrefix(s, "*.")) || len(s) > 253:
				return "", "a host, such as a.example.com, or *.example.com; names with other letters in their xn-- form"
			}
			return s, ""
		})
	}
	return Value{Kind: Hosts, decode: decode}
}

// prefixList is a list of prefixes of paths. They are stored without a slash at the end.
func prefixList(field *[]string) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		*field = r.list(at, node, "a list of paths, such as [/api]", func(s string) (string, string) {
			switch trimmed := strings.TrimRight(s, "/"); {
			case !strings.HasPrefix(s, "/") || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) || strings.ContainsAny(s, "?#"):
				return "", `a path that starts with "/", in URL form and without a query, such as /api`
			case strings.Contains(s, "*"):
				return "", "a prefix, without *: /api is that of /api/users too"
			case trimmed == "":
				return "/", ""
			default:
				return trimmed, ""
			}
		})
	}
	return Value{Kind: Prefixes, decode: decode}
}

// list reads a list of strings. check returns each as it is stored, or what it must be.
func (r *reader) list(at place, node *yaml.Node, want string, check func(string) (value, want string)) []string {
	if node.Kind != yaml.SequenceNode {
		if s, ok := text(node); ok && s != "" {
			want += fmt.Sprintf("; write [%s]", yamlItem(s))
		}
		r.wrong(at, node, want)
		return nil
	}
	var out []string
	for i, item := range node.Content {
		here := at.item(i, item.Line)
		item = resolve(item)
		s, ok := text(item)
		if !ok {
			r.wrong(here, item, "a string")
			continue
		}
		value, want := check(s)
		if want != "" {
			r.wrong(here, item, want)
			continue
		}
		out = append(out, value)
	}
	return out
}

// yamlItem returns a string as an item of a YAML list in brackets.
func yamlItem(s string) string { return strings.Trim(yamlList([]string{s}), "[]") }
