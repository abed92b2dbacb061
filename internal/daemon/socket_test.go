package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestUnixSockets: Bun, Node and the demo serve on Unix sockets. An instance that is
// killed, a move from ports to sockets and one back lose no request, and no socket is
// left at the end.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{dir, filepath.Dir(dir)} { // other users may enter it
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"app.ts":  `Bun.serve({ unix: process.env.DYNLB_SOCKET, fetch: () => new Response("bun") });`,
		"app.mjs": `import { createServer } from "node:http"; createServer((q, r) => r.end("node")).listen(process.argv[2]);`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	apps := map[string]string{
		"bun":  fmt.Sprintf("command: [%s, %s/app.ts]\nsocket: true\n", daemontest.Bun(t), dir),
		"node": fmt.Sprintf("command: [node, %s/app.mjs, '{socket}']\n", dir),
		"demo": "socket: true\n",
	}
	if os.Geteuid() == 0 {
		apps["another user"] = apps["node"] + fmt.Sprintf("user: nobody\nworkDir: %s\n", dir)
	}
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest := "minInstances: 2\nmaxInstances: 2\n"
			r := daemontest.Start(t, app+rest)
			r.AwaitReady(2)
			paths := map[string]bool{}
			for _, in := range r.Pool().GetInstances() {
				path, ok := strings.CutPrefix(in.GetAddress(), "unix:")
				if !ok {
					t.Errorf("address %s", in.GetAddress())
				}
				paths[path] = true
			}
			load := daemontest.StartLoad(t, 2, r.URL, "/")
			if err := syscall.Kill(r.PIDs()[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			daemontest.Eventually(t, "a replacement", func() bool { return r.Pool().GetRestarts() == 1 && r.Ready() == 2 })
			r.Reload(rest) // the demo on ports
			onPorts := func(want bool) func() bool {
				return func() bool {
					now := r.Pool().GetInstances()
					for _, in := range now {
						paths[strings.TrimPrefix(in.GetAddress(), "unix:")] = true
						if strings.HasPrefix(in.GetAddress(), "unix:") == want {
							return false
						}
					}
					return len(now) == 2 && r.Ready() == 2
				}
			}
			daemontest.Eventually(t, "instances on ports", onPorts(true))
			r.Reload(app + rest)
			daemontest.Eventually(t, "instances on sockets", onPorts(false))
			load.Stop()
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
			for path := range paths {
				if _, err := os.Stat(filepath.Dir(path)); strings.HasPrefix(path, "/") && !os.IsNotExist(err) {
					t.Errorf("%s is left behind", path)
				}
			}
		})
	}
}
