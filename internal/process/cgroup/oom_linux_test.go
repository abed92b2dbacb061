package cgroup

import (
	"os"
	"slices"
	"testing"
)

func TestOOMWatch(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/memory.events"
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n")
	w := newOOMWatch(file)
	if got := w.Kills(); got != 0 {
		t.Errorf("%d kills before any", got)
	}
	write("oom 9\noom_kill 3\n")
	if got := w.Kills(); got != 1 {
		t.Errorf("%d kills, want 1", got)
	}
	if got := newOOMWatch(file + "-absent").Kills(); got != 0 {
		t.Errorf("%d kills without a counter", got)
	}
}

func TestOOMFiles(t *testing.T) {
	t.Parallel()
	got := oomFiles("/cg", "9:name=systemd:/\n4:cpu,memory:/app/1\n0::/a.slice/app.service\nodd\n")
	want := []string{"/cg/memory/app/1/memory.oom_control", "/cg/a.slice/app.service/memory.events", "/cg/a.slice/memory.events"}
	if !slices.Equal(got, want) {
		t.Errorf("files = %q, want %q", got, want)
	}
}
