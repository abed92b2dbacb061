package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPostinstall: the packages have a dynlb that runs as a service go over to the new binary,
// and start none.
func TestPostinstall(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("linux/postinstall.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, active := range []bool{true, false} {
		dir := t.TempDir()
		write := func(name, content string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
				t.Fatal(err)
			}
			return path
		}
		state := "exit 3"
		if active {
			state = "exit 0"
		}
		write("systemctl", "#!/bin/sh\necho \"$*\" >>"+dir+"/calls\n[ \"$1\" = is-active ] && "+state+"\nexit 0\n")
		write("systemd-sysusers", "#!/bin/sh\n")
		script := write("postinstall.sh", strings.ReplaceAll(string(text), "/run/systemd/system", dir))
		cmd := exec.Command("/bin/sh", script, "configure", "1.0")
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		calls, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		want := "daemon-reload\nis-active --quiet dynlb.service\n"
		if active {
			want += "kill --kill-who=main --signal=SIGUSR2 dynlb.service\n"
		}
		if string(calls) != want {
			t.Errorf("active %v: systemctl was called with\n%swant\n%s", active, calls, want)
		}
	}
}
