package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestServeTakesAFile: serve refuses a config file that it cannot read again.
func TestServeTakesAFile(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	_ = write.Close()
	device, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, f := range []*os.File{read, device} {
		path := fmt.Sprintf("/dev/fd/%d", f.Fd())
		want := "dynlb: " + path + " is not a regular file: serve reads its config again when it changes; give it a regular file"
		if code, _, stderr := cli(t, "serve", "--config", path); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", f.Name(), code, stderr)
		}
	}
}

// TestServeMisplacedFlag: a flag of serve behind the file is one of the app, and serve says so.
func TestServeMisplacedFlag(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"missing.py --listen :1":  "dynlb: warning: --listen goes to the app; if it is for dynlb, write it first: dynlb serve --listen :1 missing.py\n",
		"missing.py --engine=std": "dynlb: warning: --engine goes to the app; if it is for dynlb, write it first: dynlb serve --engine=std missing.py\n",
		"missing.py --port 1":     "",
	} {
		want += "dynlb: missing.py: no such file\n"
		if _, _, stderr := cli(t, append([]string{"serve"}, strings.Fields(args)...)...); stderr != want {
			t.Errorf("%s: %q, want %q", args, stderr, want)
		}
	}
}

func TestPortInUse(t *testing.T) {
	r := daemontest.Start(t, "")
	t.Chdir(t.TempDir())
	taken := strings.TrimPrefix(r.URL, "http://")
	for _, key := range []string{"listen", "admin", "adminHTTP"} {
		yaml := daemontest.Complete(key+": "+taken, r.BasePort)
		if err := os.WriteFile("config.yaml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := cli(t, "serve")
		want := fmt.Sprintf(`"level":"ERROR","msg":"serve failed","error":"listen tcp %s: bind: address already in use (process %d (%s) listens there; to use another port, set %s: in the config)"`,
			taken, os.Getpid(), daemontest.ProcessName(t), key)
		if code != exitFail || !strings.Contains(stderr, want) || strings.Contains(stderr, "\ndynlb: ") {
			t.Errorf("exit code %d\n%swant %s", code, stderr, want)
		}
	}
}
