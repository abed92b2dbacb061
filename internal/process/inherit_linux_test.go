package process

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func init() { roles["limits"] = roleLimits }

// roleLimits prints what a child of this package inherits: file descriptors,
// open-file limit, signal mask, ignored signals, group
func roleLimits([]string) int {
	p, err := Start(Spec{
		Argv: []string{"/bin/sh", "-c", `
			for f in /proc/$$/fd/*; do
				[ -L $f ] && echo fds ${f##*/} # the listing itself had more open
			done
			echo stdin $(readlink /proc/$$/fd/0)
			echo nofile $(ulimit -S -n)
			echo group $(cut -d' ' -f5 /proc/$$/stat) $$
			exec grep -E '^Sig(Blk|Ign):' /proc/self/status`},
		Env: os.Environ(),
	})
	if err != nil {
		panic(err)
	}
	<-p.Done()
	for _, line := range p.Tail() {
		fmt.Println(line)
	}
	return p.Exit().Code
}

// A child inherits file descriptors 0 to 2 and the limits of dynlb, and blocks no
// signal.
func TestInheritance(t *testing.T) {
	t.Parallel()
	leak, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	spec := roleSpec("limits")
	parent := exec.Command("/bin/sh", append([]string{"-c", `ulimit -S -n 321; exec "$@"`, "sh"}, spec.Argv...)...)
	parent.Env, parent.Stderr = spec.Env, os.Stderr
	parent.ExtraFiles = []*os.File{leak, leak} // open in the parent, not marked close-on-exec
	out, err := parent.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, tab, _ := strings.Cut(name, "\t")
		got[name] = strings.TrimSpace(got[name] + " " + tab + value)
	}
	for name, want := range map[string]string{
		"fds": "0 1 2", "stdin": os.DevNull, "nofile": "321",
		"SigBlk:": "0000000000000000",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	// A child may ignore what this process was started to ignore: nohup has all
	// descendants ignore SIGHUP, and glibc's posix_spawn, which make uses, signal 32.
	if ignored, err := strconv.ParseUint(got["SigIgn:"], 16, 64); err != nil || ignored&^ignoredSignals(t) != 0 {
		t.Errorf("ignored signals %s (%v), want those of this process, %x", got["SigIgn:"], err, ignoredSignals(t))
	}
	var pgrp, pid int
	if _, err := fmt.Sscan(got["group"], &pgrp, &pid); err != nil || pgrp != pid {
		t.Errorf("group = %q (%v), want the child's own", got["group"], err)
	}
}

// ignoredSignals returns the signals that this process ignores.
func ignoredSignals(t *testing.T) uint64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
	text, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
