package process

import (
	"os"
	"slices"
	"testing"
)

func TestOOMEvidence(t *testing.T) {
	file := t.TempDir() + "/memory.events"
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n")
	w := newOOMWatch(file)
	if got := w.evidence(); got != "" {
		t.Errorf("evidence without a kill = %q, want none", got)
	}
	write("oom 9\noom_kill 3\n")
	if got, want := w.evidence(), " (out of memory? OOM kills in its cgroup since it started: 1)"; got != want {
		t.Errorf("evidence = %q, want %q", got, want)
	}
	if got := newOOMWatch(file + "-absent").evidence(); got != "" {
		t.Errorf("evidence without a counter = %q, want none", got)
	}
}

func TestOOMFiles(t *testing.T) {
	got := oomFiles("/cg", "9:name=systemd:/\n4:cpu,memory:/app/1\n0::/a.slice/app.service\nodd\n")
	want := []string{"/cg/memory/app/1/memory.oom_control", "/cg/a.slice/app.service/memory.events", "/cg/a.slice/memory.events"}
	if !slices.Equal(got, want) {
		t.Errorf("files = %q, want %q", got, want)
	}
}
