package cli

import (
	"os"
	"path/filepath"
	"testing"
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
		"env: {A: '${B}'}":                            "warning: env.A: ${B} is taken literally\n",
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
