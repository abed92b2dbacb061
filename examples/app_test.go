package examples_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// example is how to start an example app, without its port.
type example struct {
	name string
	argv []string
}

func apps(t *testing.T) []example {
	t.Helper()
	bun := filepath.Join("bun", "node_modules", ".bin", "bun")
	if _, err := os.Stat(bun); err != nil {
		t.Fatalf("%v: run make test, or npm ci in examples/bun", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("%v: install Node 20 or later", err)
	}
	return []example{
		{"Bun", []string{bun, "run", filepath.Join("bun", "app.ts")}},
		{"Node", []string{node, filepath.Join("node", "app.mjs")}},
		{"Go", []string{build(t, "./go")}},
	}
}

// build compiles a command of this folder and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "command")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// app is a running example app.
type app struct {
	port   int
	url    string
	client *http.Client
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the app is gone; err is set then
	err    error
}

// start runs argv on a free port, told by --port or by PORT alone, and returns
// when it is healthy. What is left of it when the test ends is killed.
func start(t *testing.T, argv []string, byFlag bool) *app {
	t.Helper()
	a := &app{port: freePort(t), client: &http.Client{Transport: &http.Transport{}, Timeout: patience}, ended: make(chan struct{})}
	a.url = "http://127.0.0.1:" + strconv.Itoa(a.port)
	if byFlag {
		argv = append(slices.Clone(argv), "--port", strconv.Itoa(a.port))
		t.Setenv("PORT", "1") // the flag goes before it
	} else {
		t.Setenv("PORT", strconv.Itoa(a.port))
	}
	var output bytes.Buffer
	a.cmd = exec.Command(argv[0], argv[1:]...)
	a.cmd.Stdout, a.cmd.Stderr = &output, &output
	began := time.Now()
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the app, which the cleanup waits for
		a.err = a.cmd.Wait()
		close(a.ended)
	}()
	t.Cleanup(func() {
		a.client.CloseIdleConnections()
		_ = a.cmd.Process.Kill()
		<-a.ended
		if t.Failed() {
			t.Logf("output of %s:\n%s", argv, output.String())
		}
	})
	for {
		res, err := a.client.Get(a.url + "/health")
		if err == nil {
			_ = res.Body.Close()
			t.Logf("first answer %v after exec", time.Since(began).Round(time.Millisecond))
			return a
		}
		select {
		case <-a.ended:
			t.Fatalf("ended without an answer: %v", a.err)
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > patience {
			t.Fatalf("no answer within %v: %v", patience, err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// terminate sends SIGTERM.
func (a *app) terminate(t *testing.T) {
	t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// wait wants the app to end with exit code 0.
func (a *app) wait(t *testing.T) {
	t.Helper()
	select {
	case <-a.ended:
		if a.err != nil {
			t.Errorf("after SIGTERM the app ended with %v, want exit code 0", a.err)
		}
	case <-time.After(patience):
		t.Errorf("SIGTERM did not end the app within %v", patience)
	}
}

// do sends a request and reads the whole response.
func (a *app) do(t *testing.T, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Add("X-Colour", "red")
	req.Header.Add("X-Colour", "blue")
	res, err := a.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read body: %v", method, path, err)
	}
	return res, string(got)
}

func (a *app) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), a.url+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(2 << 20)
	return conn
}

// rawEcho starts a POST /echo?raw=1 and returns when the first piece of its body
// has come back, though the body has not ended. The returned function ends the
// body with another piece and returns what else comes back.
func (a *app) rawEcho(t *testing.T) func(rest string) (string, error) {
	t.Helper()
	body, pieces := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/echo?raw=1", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/x-piece")
	go func() { _, _ = io.WriteString(pieces, "one") }() // ends when the client has read it
	res, err := a.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if got := res.Header.Get("Content-Type"); got != "text/x-piece" {
		t.Errorf("content type %q", got)
	}
	first := make([]byte, 3)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "one" {
		t.Fatalf("got %q, %v", first, err)
	}
	return func(rest string) (string, error) {
		go func() { // ends when the client has read it
			_, _ = io.WriteString(pieces, rest)
			_ = pieces.Close()
		}()
		got, err := io.ReadAll(res.Body)
		return string(got), err
	}
}
