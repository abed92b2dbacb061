package process

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestExit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		role, arg string
		code      int
		signal    syscall.Signal
		reason    string
	}{
		{"exit", "0", 0, 0, "exit status 0"},
		{"exit", "1", 1, 0, "exit status 1"},
		{"exit", "255", 255, 0, "exit status 255"},
		{"kill", "9", -1, syscall.SIGKILL, "signal: killed"},
	}
	for _, test := range tests {
		t.Run(test.reason, func(t *testing.T) {
			t.Parallel()
			before := time.Now()
			p := start(t, roleSpec(test.role, test.arg))
			exit := await(t, p)
			if exit.Code != test.code || exit.Signal != test.signal || exit.Reason != test.reason {
				t.Errorf("exit = %+v, want code %d, signal %v, reason %q", exit, test.code, test.signal, test.reason)
			}
			if exit.Time.Before(before) || exit.Time.After(time.Now()) {
				t.Errorf("exit at %v, want it between start and now", exit.Time)
			}
		})
	}
}

func TestExitIsZeroWhileRunning(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("alive", line.Address()))
	line.Accept()
	if exit := p.Exit(); exit.Reason != "" || exit.Code != 0 || !exit.Time.IsZero() {
		t.Errorf("Exit() of a running child = %+v, want the zero Exit", exit)
	}
}

func TestStartPassesEnvDirAndArguments(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir()) // as pwd prints it
	if err != nil {
		t.Fatal(err)
	}
	if err := processtest.WriteProgram(dir+"/show", []byte("#!/bin/sh\npwd -P\necho \"$1|$2\"\n/usr/bin/env\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOT_FOR_THE_CHILD", "1")
	p := start(t, Spec{Argv: []string{"./show", "a b", "$HOME;*"}, Env: []string{"A=1", "B=2", "B=3"}, Dir: dir})
	if exit := await(t, p); exit.Code != 0 {
		t.Fatalf("exit = %+v", exit)
	}
	got := p.Tail()
	if len(got) < 2 || got[0] != dir || got[1] != "a b|$HOME;*" {
		t.Errorf("output = %q, want the working directory, and the arguments unchanged", got)
	}
	env := strings.Join(got, "\n") + "\n"
	if !strings.Contains(env, "\nA=1\n") || !strings.Contains(env, "\nB=3\n") || strings.Contains(env, "NOT_FOR_THE_CHILD") {
		t.Errorf("environment = %q, want that of the Spec, and no other", got)
	}
}

// The child inherits nothing of dynlb's own environment, which holds its token.
func TestEmptyEnvIsEmpty(t *testing.T) {
	t.Setenv("DYNLB_TOKEN", "secret")
	p := start(t, Spec{Argv: []string{"/usr/bin/env"}})
	if exit := await(t, p); exit.Code != 0 || len(exit.Output) != 0 {
		t.Errorf("exit = %+v, want an empty environment printed", exit)
	}
}

func TestProgramIsLookedUpOnThePathOfTheChild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := processtest.WriteProgram(dir+"/only-here", []byte("#!/bin/sh\necho found\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := start(t, Spec{Argv: []string{"only-here"}, Env: []string{"PATH=.:/nonexistent:" + dir}})
	if exit := await(t, p); strings.Join(exit.Output, "") != "found" {
		t.Errorf("exit = %+v, want the program found and run", exit)
	}
}
