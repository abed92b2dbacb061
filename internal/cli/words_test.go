package cli

import (
	"strings"
	"testing"
)

// TestOtherWords: each word of PM2 leads to ours, in one line, whatever follows it.
func TestOtherWords(t *testing.T) {
	t.Parallel()
	for word := range otherWords {
		code, stdout, stderr := cli(t, word, "app.js", "-i", "max", "--name", "shop")
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "dynlb: there is no 'dynlb "+word+"': ") {
			t.Errorf("%s: %d %q %q", word, code, stdout, stderr)
		}
	}
	_, help, _ := cli(t, "--help")
	for alias, command := range map[string]string{"list": "ls", "l": "ls", "ps": "ls", "monit": "top", "dash": "top"} {
		code, stdout, stderr := cli(t, alias, "--help")
		if code != exitDone || !strings.Contains(stdout, "dynlb "+command) {
			t.Errorf("%s: %d %s%s", alias, code, stdout, stderr)
		}
		if strings.Contains(help, "\n  "+alias+" ") {
			t.Errorf("the help lists %s beside %s", alias, command)
		}
	}
	if strings.Contains(help, "resurrect") {
		t.Error("the help lists words that are no commands")
	}
}

// TestNearest: a word that is nearly a command leads to it, and others to none.
func TestNearest(t *testing.T) {
	t.Parallel()
	root := newRoot(&options{})
	for word, want := range map[string]string{
		"serv": "serve", "stauts": "status", "restrat": "restart", "lgos": "logs", "simulation": "simulate", "histroy": "history",
		"exlpain": "explain", "completition": "completion", "deplyo": "deploy", "rolback": "rollback", "x": "", "kubernetes": "", "tpo": "top",
	} {
		root.InitDefaultCompletionCmd()
		if got := nearest(root, word); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
