package config

import (
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// variable is a portable name of an environment variable (POSIX.1, 8.1), in
// either case.
var variable = pattern.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// environment is a mapping of variables to their values. Numbers and booleans
// stand for themselves, as they are written; an empty value needs quotes. The names of
// those with variables of the config in them are in substituted.
func environment(field *map[string]string, substituted *[]string) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			r.wrong(at, node, "a mapping of names to values")
			return
		}
		env := map[string]string{}
		maps.Copy(env, *field) // under apps, those beside it
		r.pairs(at.key+".", node, func(at place, name string, value *yaml.Node) {
			text, ok := word(value)
			switch {
			case name == "PORT":
				r.problem(at, "is set by dynlb, to the port of the instance; remove it")
			case name == socketVariable:
				r.problem(at, "is set by dynlb, to the path of the instance's socket; remove it")
			case name == "DYNLB_APP":
				r.problem(at, "is set by dynlb, to the name of the app; remove it")
			case name == "DYNLB_VERSION":
				r.problem(at, "is set by dynlb, to the version of the app; remove it")
			case name == "DYNLB_INSTANCE": // the mark that instances are found by
				r.problem(at, "is set by dynlb, to find the processes of the instance; remove it")
			case !variable().MatchString(name):
				r.problem(at, "must be a name of letters, digits and _ that does not start with a digit")
			case isNull(value):
				r.problem(at, `must be a string; got nothing; write "" for an empty one`)
			case !ok:
				r.wrong(at, value, "a string")
			default:
				env[name] = text
				*substituted = slices.DeleteFunc(slices.Clone(*substituted), func(s string) bool { return s == name })
				if _, ok := r.written[value]; ok {
					*substituted = append(*substituted, name)
				}
			}
		})
		if len(env) > 0 {
			*field = env
		}
	}
	return Value{Kind: Environment, decode: decode}
}
