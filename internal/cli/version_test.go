package cli

import (
	"strings"
	"testing"
)

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	if code, stdout, _ := cli(t, "version"); code != exitDone || !strings.HasPrefix(stdout, "dynlb ") {
		t.Errorf("version: %d, %s", code, stdout)
	}
	if _, version, _ := cli(t, "version"); version != versionLine(testVersion)+"\n" {
		t.Errorf("version: %q", version)
	}
	if code, stdout, _ := cli(t, "--version"); code != exitDone || stdout != versionLine(testVersion)+"\n" {
		t.Errorf("--version: %d, %q", code, stdout)
	}
	for _, args := range []string{"help scale", "help completion bash", "completion", "help"} {
		if code, stdout, stderr := cli(t, strings.Fields(args)...); code != exitDone || !strings.Contains(stdout, "Usage:") {
			t.Errorf("%s: %d, %s%s", args, code, stdout, stderr)
		}
	}
	if _, stdout, _ := cli(t, "serve", "--help"); !strings.Contains(stdout, "error (default info)") {
		t.Errorf("serve --help: %s", stdout)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, _ := cli(t, "completion", shell); code != exitDone || !strings.Contains(stdout, "dynlb") {
			t.Errorf("completion %s: %d", shell, code)
		}
	}
	if _, stdout, _ := cli(t, "__complete", "status", "--output", ""); !strings.HasPrefix(stdout, "table\njson\n") {
		t.Errorf("completion of --output: %s", stdout)
	}
}
