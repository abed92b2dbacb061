package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// smallApps are apps as a newcomer has them, each with the program that it needs, its files
// and what GET / answers.
var smallApps = map[string]struct {
	program string
	files   map[string]string
	path    string // of the health check
}{
	"bun": {"bun", map[string]string{"index.ts": `export default { fetch: (r: Request) => new Response("hello") }`}, "/health"},
	"node": {"node", map[string]string{
		"package.json": `{"scripts": {"start": "node server.js"}}`,
		"server.js":    `require("http").createServer((q, r) => { r.statusCode = q.url === "/" ? 200 : 404; r.end("hello") }).listen(process.env.PORT)`,
	}, "/"},
	"python": {"python3", map[string]string{"app.py": `
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Hello).serve_forever()
`}, "/health"},
	"php":  {"php", map[string]string{"index.php": "hello"}, "/health"},
	"rack": {"puma", map[string]string{"config.ru": `run ->(env) { [200, {}, ["hello"]] }`}, "/health"},
}

// writeFiles writes files in a new folder.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestInit: init writes a config with which a small app of each runtime is served.
func TestInit(t *testing.T) {
	t.Parallel()
	for name, app := range smallApps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(app.program); err != nil {
				t.Skip(err)
			}
			dir := writeFiles(t, app.files)
			path := filepath.Join(dir, "config.yaml")
			code, stdout, stderr := cli(t, "init", "--config", path)
			if want := path + " is written; next: dynlb serve --config " + path + "\n"; code != exitDone || stdout != want {
				t.Fatalf("exit code %d, %q, %s", code, stdout, stderr)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "\nhealthPath: "+app.path+"\n") {
				t.Errorf("want healthPath %s:\n%s", app.path, text)
			}
			yaml := strings.ReplaceAll(string(text), `listen: ":4000"`, "workDir: "+dir)
			r := daemontest.Start(t, yaml)
			r.AwaitReady(2)
			if got := get(t, r.URL); got != "hello" {
				t.Errorf("GET /: %q", got)
			}
			before := string(text)
			if code, _, stderr := cli(t, "init", "--config", path); code != exitFail || !strings.Contains(stderr, path+" exists") {
				t.Errorf("again: exit code %d, %s", code, stderr)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != before {
				t.Errorf("the second run changed the config: %v\n%s", err, text)
			}
		})
	}
}

// TestInitFails: an app that does not work leaves no config, and the reason is printed.
func TestInitFails(t *testing.T) {
	t.Parallel()
	for file, c := range map[[2]string]string{
		{"index.ts", `throw new Error("no database")`}:                                   "no database",
		{"app.js", `Bun.serve({ port: 0, fetch: () => new Response("hello") })`}:         "have it listen there",
		{"main.ts", `export default { fetch: () => new Response("", { status: 500 }) }`}: "/ with 500; have it answer GET /health with 200",
		{"readme", ""}: "no app found",
	} {
		path := filepath.Join(writeFiles(t, map[string]string{file[0]: file[1]}), "config.yaml")
		code, _, stderr := cli(t, "init", "--config", path)
		if code != exitFail || !strings.Contains(stderr, c) {
			t.Errorf("%s: exit code %d, %s", file[0], code, stderr)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a config was written", file[0])
		}
	}
}

// TestServeArguments: serve runs what the command line names, without a config.
func TestServeArguments(t *testing.T) {
	t.Chdir(writeFiles(t, smallApps["bun"].files))
	port := daemontest.PortRange(t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	ctx, cancel := context.WithCancel(t.Context())
	var log daemontest.Buffer
	ended := make(chan int)
	go func() {
		ended <- Run(ctx, []string{"serve", "--listen", address, "index.ts"}, io.Discard, &log, testVersion)
	}()
	daemontest.Eventually(t, "an answer of index.ts", func() bool {
		r, err := http.Get("http://" + address)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		return err == nil && string(body) == "hello"
	})
	cancel()
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d, %s", code, log.String())
	}
	http.DefaultClient.CloseIdleConnections()
	if err := os.WriteFile("config.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"serve index.ts":      `dynlb: config.yaml says what to serve, and so does "index.ts"; leave out one of them`,
		"serve --listen :123": "dynlb: --listen is for FILE or COMMAND",
	} {
		if code, _, stderr := cli(t, strings.Fields(args)...); code != exitUsage || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}

// get returns the content at a URL.
func get(t *testing.T, url string) string {
	t.Helper()
	status, text := ask(t, http.MethodGet, url, "")
	if status != http.StatusOK {
		t.Errorf("GET %s: %d", url, status)
	}
	return text
}
