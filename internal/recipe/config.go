package recipe

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/dynlb/dynlb/internal/pattern"
)

// unquoted matches a text that YAML reads as itself in a list in brackets.
var unquoted = pattern.New(`^[A-Za-z_./-][\w./=@+-]*$`)

// Config returns the text of a config.yaml for the recipe. healthPath is a path that the
// app answers; "" for the default. listen is an address; "" for the default.
func (r *Recipe) Config(healthPath, listen string) string {
	var b strings.Builder
	b.WriteString("# How dynlb runs this app. `dynlb check` checks a change, and a dynlb that runs applies\n# it at once. README.md of dynlb has all keys.\n\n")
	fmt.Fprintf(&b, "# The program and its arguments, from %s. There is no shell.\n", r.From)
	b.WriteString("# {port} stands for the port of an instance, which has it as PORT in its environment, too.\n")
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "# %s\n", note)
	}
	fmt.Fprintf(&b, "command: %s\n", yamlList(r.Command))
	if len(r.Env) > 0 {
		b.WriteString("\n# Variables of the instances, on top of those that dynlb has.\nenv:\n")
		for _, v := range r.Env {
			fmt.Fprintf(&b, "  %s: %s\n", v.Name, strconv.Quote(v.Value))
		}
	}
	if healthPath != "" {
		fmt.Fprintf(&b, "\n# An instance is ready when it answers 2xx to GET of this path.\nhealthPath: %s\n", yamlWord(healthPath))
	}
	fmt.Fprintf(&b, `
# Where clients connect. The dashboard is two ports above, on this machine only.
listen: %s

# The number of instances follows the load between these. minInstances: 0 lets an app
# without requests sleep.
minInstances: 2
maxInstances: 8
`, strconv.Quote(cmp.Or(listen, ":4000")))
	return b.String()
}

func yamlList(items []string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = yamlWord(item)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// yamlWord returns a text as YAML. A word that means something else in YAML is in quotes.
func yamlWord(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "-", ".", "--":
		return strconv.Quote(s)
	}
	if !unquoted().MatchString(s) {
		return strconv.Quote(s)
	}
	return s
}
