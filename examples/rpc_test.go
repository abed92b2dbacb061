package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstancesOfHTTP2 has dynlb balance over instances that speak HTTP/2: of connect-node, of
// grpc-js in Node and in Bun, and of Bun.serve. Their own clients call them.
func TestInstancesOfHTTP2(t *testing.T) {
	node := typescript(t)
	bun, err := filepath.Abs("bun/node_modules/.bin/bun")
	if err == nil {
		_, err = os.Stat(bun)
	}
	if err != nil {
		t.Fatalf("%v: run make test, or npm ci in examples/bun", err)
	}
	binary := build(t, "../cmd/dynlb")
	apps := rpcApps(t)
	connectServer := []string{node, apps + "/typescript/connect-server.mjs", "{port}"}
	for name, c := range map[string]struct {
		command []string
		more    string // of the config
		check   func(t *testing.T, b *balancer)
	}{
		"connect-node": {connectServer, "", func(t *testing.T, b *balancer) {
			runClient(t, b, "gRPC-Web works", node, apps+"/typescript/connect-client.mjs", "http://"+b.public)
		}},
		"connect-node over TLS": {connectServer, "tls: {internal: true, storage: state}\n", func(t *testing.T, b *balancer) {
			runClient(t, b, "gRPC-Web works", node, apps+"/typescript/connect-client.mjs", "https://"+b.public)
		}},
		"grpc-js": {[]string{node, apps + "/grpc/server.js", "{port}"}, "health: grpc\n", func(t *testing.T, b *balancer) {
			runClient(t, b, "", node, apps+"/grpc/client.js", b.public)
		}},
		"grpc-js in Bun": {[]string{bun, apps + "/grpc/server.js", "{port}"}, "health: grpc\n", func(t *testing.T, b *balancer) {
			runClient(t, b, "", node, apps+"/grpc/client.js", b.public)
		}},
		"Bun.serve": {[]string{bun, "run", apps + "/bun/http2.ts", "{port}"}, "", checkBunServe},
	} {
		t.Run(name, func(t *testing.T) {
			command, err := json.Marshal(c.command) // is YAML
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, balance(t, binary, fmt.Sprintf("command: %s\nprotocol: h2c\nminInstances: 1\nmaxInstances: 1\n%s", command, c.more)))
		})
	}
}

// rpcApps returns a folder with the apps and clients beside the modules that they import.
func rpcApps(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"grpc/server.js", "grpc/client.js", "grpc/echo.proto", "grpc/package.json", "typescript/echo.mjs", "typescript/connect-server.mjs", "typescript/connect-client.mjs", "bun/http2.ts"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	modules, err := filepath.Abs("typescript/node_modules")
	if err == nil {
		err = os.Symlink(modules, filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// runClient runs a client, which must succeed and print what is wanted.
func runClient(t *testing.T, b *balancer, want string, argv ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	client := exec.CommandContext(ctx, argv[0], argv[1:]...)
	client.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+filepath.Join(b.dir, "state", "internal", "root.crt"))
	if out, err := client.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s", err, out)
	}
}

// checkBunServe checks that requests with content of all framings reach Bun.serve over HTTP/2,
// and that streams come back.
func checkBunServe(t *testing.T, b *balancer) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: startPatience}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		method, path string
		content      io.Reader
		want         string
	}{
		{"GET", "/a", http.NoBody, `"path":"/a","size":0`},
		{"POST", "/b", bytes.NewReader(make([]byte, 1<<20)), `"method":"POST","path":"/b","size":1048576`},
		{"PUT", "/c", io.MultiReader(strings.NewReader("in "), strings.NewReader("chunks")), `"size":9`},
		{"GET", "/stream", http.NoBody, "part 0\npart 1\npart 2\n"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+b.public+c.path, c.content)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(got), c.want) {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, res.StatusCode, got, err)
		}
	}
}
