package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// TestCheckWarns: what is valid and probably a mistake is a line on stderr, and the
// exit code stays 0.
func TestCheckWarns(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"command: [no-such-program-here]":             `warning: command: no-such-program-here cannot be run now: exec: "no-such-program-here": executable file not found in $PATH` + "\n",
		"command: [./later]":                          "",
		"{command: [no-such], env: {PATH: /opt/app}}": "",
		"command: [echo, $HOME/x]":                    "warning: command: $HOME is taken literally: no shell replaces it\n",
		"command: [sh, -c, 'echo $HOME']":             "",
		"command: [echo, a, '&&', echo, b]":           `warning: command: && is an argument of echo: no shell reads it; to have one, write command: [sh, -c, "echo a && echo b"]` + "\n",
		"command: [sh, -c, 'echo a && echo b', '&&']": "",
		"env: {A: $B}":                                "warning: env.A: $B is taken literally\n",
		"env: {A: '$${B}'}":                           "",
		"checkInterval: 5":                            "warning: checkInterval: is 5ms; if seconds are meant, write 5s\n",
		"checkInterval: 100":                          "",
		"queue: {timeout: 10}":                        "warning: queue.timeout: is 10ms; if seconds are meant, write 10s\n",
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(yaml+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := cli(t, "check", file); code != exitDone || stderr != want {
			t.Errorf("%s: exit code %d, %q, want %q", yaml, code, stderr, want)
		}
	}
}

// TestCheckWarnsOfBuffers: what Python prints comes late without a variable.
func TestCheckWarnsOfBuffers(t *testing.T) {
	t.Setenv("PYTHONUNBUFFERED", "")
	const warning = "warning: env: PYTHONUNBUFFERED is not set, and Python keeps what the app prints until 8 KiB are there; set env: {PYTHONUNBUFFERED: \"1\"}\n"
	for yaml, want := range map[string]string{
		"{command: [python3, a.py], env: {PATH: /opt/app}}":                          warning,
		"{command: [python3, -u, a.py], env: {PATH: /opt/app}}":                      "",
		"{command: [python3, a.py], env: {PATH: /opt/app, PYTHONUNBUFFERED: \"1\"}}": "",
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(yaml+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := cli(t, "check", file); code != exitDone || stderr != want {
			t.Errorf("%s: exit code %d, %q, want %q", yaml, code, stderr, want)
		}
	}
}

// TestCheckWarnsOfPorts: ports of instances and listeners that the kernel also gives to
// outgoing connections are one.
func TestCheckWarnsOfPorts(t *testing.T) {
	t.Parallel()
	first, last, err := procfs.EphemeralPorts()
	if err != nil || first < 1024 || last < first+100 {
		t.Skipf("no range of ports to test with: %d to %d, %v", first, last, err)
	}
	for address, want := range map[string]string{
		fmt.Sprintf("listen: :%d\n", first):                                 "listen: the kernel takes",
		fmt.Sprintf("tls: {domains: [a.test], redirect: \":%d\"}\n", first): "tls.redirect: the kernel takes",
		"listen: 127.0.0.1:0\n":                                             "",
		"listen: :4000\n":                                                   "",
		fmt.Sprintf("listen: :%d\nbasePort: 5001\n", first-20):              "",
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(address), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := cli(t, "check", file)
		if code != exitDone || (want == "") != (stderr == "") || want != "" && !strings.Contains(stderr, "warning: "+want) {
			t.Errorf("%s: exit code %d, %q, want %q", address, code, stderr, want)
		}
	}
	for base, want := range map[int]bool{first - 10: false, first - 9: true, first: true, last: true} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, "maxInstances: 10\nbasePort: %d\n", base), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := cli(t, "check", file)
		if got := strings.Contains(stderr, fmt.Sprintf("warning: basePort: the kernel takes ports from %d to %d", first, last)); code != exitDone || got != want {
			t.Errorf("basePort %d: exit code %d, %q, want a warning: %t", base, code, stderr, want)
		}
	}
}
