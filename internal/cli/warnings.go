package cli

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// shortest is the time below which an interval is probably a number of seconds
// that lacks its unit: a plain number counts milliseconds.
const shortest = 100 * time.Millisecond

// variable matches a variable of a shell.
var variable = regexp.MustCompile(`\$(\w+|\{\w+\})`)

// operators are words that only a shell understands.
var operators = []string{"&&", "||", "|", ";", "&", ">", ">>", "<"}

// warnings returns what is valid in a config and is probably a mistake. What all apps
// have from beside apps is one warning.
func warnings(c *config.Config) (all []string) {
	if _, port, _ := config.SplitAddress(c.Listen); len(c.TLS.Domains) > 0 && port != 443 {
		all = append(all, fmt.Sprintf("tls.domains: clients and the authority connect to port 443 of these names; forward it to %s, or set listen to \":443\"", c.Listen))
	}
	if c.Apps == nil {
		return append(all, appWarnings(&c.App)...)
	}
	beside := appWarnings(&c.App)
	for i := range c.Apps {
		a := &c.Apps[i]
		for _, warning := range appWarnings(a) {
			if !slices.Contains(beside, warning) {
				warning = "apps." + a.Name + "." + warning
			}
			if !slices.Contains(all, warning) {
				all = append(all, warning)
			}
		}
	}
	return all
}

// appWarnings returns those about an app.
func appWarnings(c *config.App) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if first, last, err := procfs.EphemeralPorts(); err == nil && !c.Socket && c.BasePort <= last && c.BasePort+c.MaxInstances > first {
		warn("basePort: the kernel takes ports from %d to %d for outgoing connections, so that an instance may find its port in use; set one below %d", first, last, first)
	}
	argv := c.Argv(c.BasePort)
	if len(argv) > 0 {
		_, ownPath := c.Env["PATH"] // instances search this one
		if _, err := exec.LookPath(argv[0]); err != nil && !ownPath && !strings.Contains(argv[0], "/") {
			warn("command: %s cannot be run now: %v", argv[0], err)
		}
		shell := len(argv) > 1 && strings.HasSuffix(argv[0], "sh") && strings.HasPrefix(argv[1], "-")
		for _, arg := range argv[1:] {
			if found := variable.FindString(arg); found != "" && !shell {
				warn("command: %s is taken literally: no shell replaces it", found)
			}
			if slices.Contains(operators, arg) && !shell {
				warn("command: %s is an argument of %s: no shell reads it; to have one, write command: [sh, -c, %q]", arg, argv[0], strings.Join(argv, " "))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if found := variable.FindString(c.Env[name]); found != "" {
			warn("env.%s: %s is taken literally", name, found)
		}
	}
	for _, interval := range []struct {
		key   string
		value time.Duration
	}{
		{"checkInterval", c.CheckInterval},
		{"healthTimeout", c.HealthTimeout},
		{"idleTimeout", c.IdleTimeout},
		{"startTimeout", c.StartTimeout},
		{"stopTimeout", c.StopTimeout},
		{"drainTimeout", c.DrainTimeout},
		{"requestTimeout", c.RequestTimeout},
		{"queue.timeout", c.Queue.Timeout},
	} {
		if n := interval.value.Milliseconds(); n > 0 && interval.value < shortest {
			warn("%s: is %v; if seconds are meant, write %ds", interval.key, interval.value, n)
		}
	}
	return all
}
