package cli

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/pattern"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// shortest is the time below which an interval is probably a number of seconds
// that lacks its unit: a plain number counts milliseconds.
const shortest = 100 * time.Millisecond

// variable matches a variable of a shell, apart from ${NAME}, which the config replaces.
var variable = pattern.New(`\$[A-Za-z_]\w*`)

// reference matches a variable as configs have them.
var reference = pattern.New(`\$\{\w+`)

// operators are words that only a shell understands.
var operators = []string{"&&", "||", "|", ";", "&", ">", ">>", "<"}

// warnings returns what is valid in a config and is probably a mistake. What all apps
// have from beside apps is one warning.
func warnings(c *config.Config) (all []string) {
	if _, port, _ := config.SplitAddress(c.Listen); len(c.TLS.Domains) > 0 && port != 443 {
		all = append(all, fmt.Sprintf("tls.domains: clients and the authority connect to port 443 of these names; forward it to %s, or set listen to \":443\"", c.Listen))
	}
	all = append(all, portWarnings(c)...)
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

// portWarnings returns those about the ports of the listeners for clients.
func portWarnings(c *config.Config) []string {
	first, last, err := procfs.EphemeralPorts()
	if err != nil {
		return nil
	}
	var keys []string
	for _, l := range []struct{ key, address string }{
		{"listen", c.Listen}, {"tls.redirect", c.TLS.Redirect},
	} {
		if _, port, ok := config.SplitAddress(l.address); ok && port >= first && port <= last {
			keys = append(keys, l.key)
		}
	}
	if keys == nil {
		return nil
	}
	return []string{outgoingWarning(strings.Join(keys, ", "), "dynlb", first, last)}
}

// outgoingWarning returns the one about a port that outgoing connections may have.
func outgoingWarning(key, program string, first, last int) string {
	return fmt.Sprintf("%s: the kernel takes ports from %d to %d for outgoing connections, so that %s may find its port in use; set one below %d", key, first, last, program, first)
}

// appWarnings returns those about an app.
func appWarnings(c *config.App) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if first, last, err := procfs.EphemeralPorts(); err == nil && !c.Socket && c.BasePort <= last && c.BasePort+c.MaxInstances > first {
		all = append(all, outgoingWarning("basePort", "an instance", first, last))
	}
	all = append(all, commandWarnings(c)...)
	all = append(all, environmentWarnings(c)...)
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

// commandWarnings returns those about the command.
func commandWarnings(c *config.App) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	argv, shown := c.Argv(c.BasePort), c.Shown(c.BasePort)
	if len(argv) == 0 {
		return nil
	}
	ownPath := c.Env["PATH"] != "" || c.FileEnv["PATH"] != "" // instances search this one
	if _, err := exec.LookPath(argv[0]); err != nil && !ownPath && !strings.Contains(argv[0], "/") {
		warn("command: %s cannot be run now: %v", shown[0], err)
	}
	if len(argv) > 1 && strings.HasSuffix(argv[0], "sh") && strings.HasPrefix(argv[1], "-") {
		return all // a shell
	}
	for _, arg := range shown[1:] {
		if found := variable().FindString(arg); found != "" {
			warn("command: %s is taken literally: no shell replaces it", found)
		}
		if slices.Contains(operators, arg) {
			warn("command: %s is an argument of %s: no shell reads it; to have one, write command: [sh, -c, %q]", arg, shown[0], strings.Join(shown, " "))
		}
	}
	return all
}

// environmentWarnings returns those about the variables of the instances. No value is in
// them.
func environmentWarnings(c *config.App) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if found := variable().FindString(c.Env[name]); found != "" && !slices.Contains(c.Substituted, name) {
			warn("env.%s: %s is taken literally", name, found)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.FileEnv)) {
		if reference().MatchString(c.FileEnv[name]) {
			warn("envFile: %s: ${ is taken literally", name)
		}
	}
	if info, err := os.Stat(c.EnvFile); c.EnvFile != "" && err == nil && info.Mode()&0o004 != 0 {
		warn("envFile: all users of this machine can read %[1]s; chmod 600 %[1]s", c.EnvFile)
	}
	if argv := c.Argv(c.BasePort); len(argv) > 0 && slices.Contains([]string{"bun", "node", "npm"}, filepath.Base(argv[0])) {
		_, err := os.Stat(filepath.Join(c.WorkDir, "package.json"))
		if err == nil && c.Env["NODE_ENV"] == "" && c.FileEnv["NODE_ENV"] == "" && os.Getenv("NODE_ENV") == "" {
			warn("env: NODE_ENV is not set, and Express, React and others are slower without; set env: {NODE_ENV: production}")
		}
	}
	if keepsOutput(c) {
		warn("env: PYTHONUNBUFFERED is not set, and Python keeps what the app prints until 8 KiB are there; set env: {PYTHONUNBUFFERED: \"1\"}")
	}
	return all
}

// keepsOutput reports whether the instances are Python, which writes to a pipe in blocks.
func keepsOutput(c *config.App) bool {
	argv := c.Argv(c.BasePort)
	if len(argv) == 0 || !strings.HasPrefix(filepath.Base(argv[0]), "python") || slices.Contains(argv[1:], "-u") {
		return false
	}
	const name = "PYTHONUNBUFFERED"
	return c.Env[name] == "" && c.FileEnv[name] == "" && os.Getenv(name) == ""
}
