package cli

import (
	"os"
	"strings"
	"testing"
)

// TestBadUsage: a wrong command line or config is one clear line, and exit code 2.
func TestBadUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("bad.yaml", []byte("minIntances: 2\nmaxInstances: lots\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("port0.yaml", []byte("admin: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"serv", `dynlb: unknown command "serv"; did you mean "serve"? (see 'dynlb --help')`},
		{"service instal", `dynlb: unknown command "instal"; did you mean "install"? (see 'dynlb service --help')`},
		{"service start", `dynlb: unknown command "start" (see 'dynlb service --help')`},
		{"serve --listen :0", "dynlb: --listen is for FILE or COMMAND; a config says it with its key listen"},
		{"serve now", `dynlb: unknown argument "now": it is neither a file here nor a program on the PATH`},
		{"version extra", `dynlb: unknown argument "extra" (usage: dynlb version [flags])`},
		{"serve --log-level loud", `dynlb: --log-level "loud": use debug, info, warn or error`},
		{"serve --engine turbo", `dynlb: invalid argument "turbo" for "--engine" flag: unknown engine "turbo"; there are auto, fast and std`},
		{"serve --config missing.yaml", "missing.yaml: cannot be read: no such file or directory"},
		{"check --config bad.yaml", "bad.yaml:1: minIntances: unknown key; did you mean minInstances?\nbad.yaml:2: maxInstances: "},
		{"check --nonsense", "dynlb: unknown flag: --nonsense (see 'dynlb check --help')"},
		{"check --config bad.yaml other.yaml", "dynlb: FILE and --config mean the same; give one of them (usage: dynlb check [FILE] [flags])"},
		{"check bad.yaml other.yaml", "dynlb: check takes one file (usage: dynlb check [FILE] [flags])"},
		{"check bad.yaml", "bad.yaml:1: minIntances: "},
		{"check -c -", "-: cannot be read: is not the name of a file; for standard input write /dev/stdin"},
		{"scale", "dynlb: scale needs the number of instances, such as: dynlb scale 4 (usage: dynlb scale [APP=]N [flags])"},
		{"scale -1", "dynlb: the number of instances is between minInstances and maxInstances, such as: dynlb scale 4; got -1"},
		{"scale -x", "dynlb: unknown shorthand flag: 'x' in -x (see 'dynlb scale --help')"},
		{"scale 3 --hold 5", `dynlb: --hold "5": write 5s or 5m`},
		{"scale 3 --hold x", `dynlb: --hold "x": write a time, such as 30s, 5m or 2h`},
		{"scale 3 --hold 1d", `dynlb: --hold "1d": write 24h`},
		{"logs -n abc", `dynlb: --tail "abc": write a whole number`},
		{"logs --grep [", "dynlb: --grep \"[\": missing closing ]: `[`"},
		{"deploy v2 --factor x", `dynlb: --factor "x": write a number`},
		{"restart --max-surge 0", "dynlb: --max-surge must be above 0; got 0"},
		{"watch --interval 0", "dynlb: --interval must be above 0; got 0s"},
		{"completion csh", `dynlb: no completion for "csh"; use bash, fish, powershell or zsh`},
		{"completion bash x", `dynlb: unknown command "x" for "dynlb completion bash"`},
		{"help nope", `dynlb: unknown command "nope" (see 'dynlb --help')`},
		{"scale many", `dynlb: "many" is not a number of instances; give a whole number, such as: dynlb scale 4`},
		{"status --output yaml", `dynlb: --output "yaml": use table, json or full`},
		{"status --admin here", `dynlb: --admin "here" is not host:port, such as 127.0.0.1:4001`},
		{"status --admin 127.0.0.1:99999", `dynlb: --admin "127.0.0.1:99999" is not host:port`},
		{"status --admin 127.0.0.1:0", `dynlb: --admin "127.0.0.1:0" is not host:port`},
		{"status --config port0.yaml", "dynlb: admin of the config leaves the port to the kernel (127.0.0.1:0); give --admin"},
		{"status --config missing.yaml", "missing.yaml: cannot be read: no such file or directory\n(or name the control listener with --admin)\n"},
		{"backend", "dynlb: --port is missing; give the port to listen on, such as --port 5001"},
		{"backend --port 0", "dynlb: --port 0 is not a port; give one from 1 to 65535"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := cli(t, strings.Fields(c.args)...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, c.want) {
				t.Errorf("exit code %d\n%s%swant code %d, and\n%s", code, stdout, stderr, exitUsage, c.want)
			}
		})
	}
}
