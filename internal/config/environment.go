package config

import (
	"regexp"

	"gopkg.in/yaml.v3"
)

// variable is a portable name of an environment variable (POSIX.1, 8.1), in
// either case.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// environment reads variables. Numbers and booleans stand for themselves, as
// they were written; an empty value needs quotes.
func environment(field *map[string]string) decoder {
	return func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			r.wrong(at, node, "a mapping of names to values")
			return
		}
		env := map[string]string{}
		r.pairs(at.key+".", node, func(at place, name string, value *yaml.Node) {
			text, ok := word(value)
			switch {
			case name == "PORT":
				r.problem(at, "is set by dynlb, to the port of the instance; remove it")
			case name == "DYNLB_INSTANCE": // process.Mark
				r.problem(at, "is set by dynlb, to find the processes of the instance by; remove it")
			case !variable.MatchString(name):
				r.problem(at, "must be a name of letters, digits and _ that starts with no digit")
			case isNull(value):
				r.problem(at, `must be a string; got nothing; write "" for an empty one`)
			case !ok:
				r.wrong(at, value, "a string")
			default:
				env[name] = text
			}
		})
		if len(env) > 0 {
			*field = env
		}
	}
}
