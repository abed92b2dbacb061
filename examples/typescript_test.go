package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startPatience bounds the start of dynlb, and what node does with it.
const startPatience = 2 * time.Minute

// balancer is a running dynlb.
type balancer struct {
	binary, dir        string
	public, grpc, base string
	cmd                *exec.Cmd
	output             *bytes.Buffer
}

// startBalancer runs dynlb with its demo until the test ends.
func startBalancer(t *testing.T) *balancer {
	t.Helper()
	return balance(t, build(t, "../cmd/dynlb"), "minInstances: 1\nmaxInstances: 3\n")
}

// balance runs dynlb with a config, to which it adds the addresses, until the test ends.
func balance(t *testing.T, binary, config string) *balancer {
	t.Helper()
	b := &balancer{binary: binary, dir: t.TempDir(), output: new(bytes.Buffer)}
	address := func() string { return fmt.Sprintf("127.0.0.1:%d", freePort(t)) }
	public, admin, adminHTTP := address(), address(), address()
	b.public, b.grpc, b.base = public, admin, "http://"+adminHTTP
	config = fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: %s\n%s", public, admin, adminHTTP, config)
	if err := os.WriteFile(filepath.Join(b.dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start(t)
	t.Cleanup(func() {
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		_ = b.cmd.Wait()
		if t.Failed() {
			t.Logf("output of dynlb:\n%s", b.output.String())
		}
	})
	return b
}

// start starts dynlb, and waits until its instance is ready.
func (b *balancer) start(t *testing.T) {
	t.Helper()
	b.cmd = exec.Command(b.binary, "serve", "--config", "config.yaml")
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = b.dir, b.output, b.output
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for deadline := time.Now().Add(startPatience); ; time.Sleep(10 * time.Millisecond) {
		res, err := client.Get(b.base + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("dynlb is not ready: %v", err)
		}
	}
}

// typescript returns the path of node, or skips the test if the tools are not installed.
func typescript(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
	if _, err := os.Stat("typescript/node_modules/.package-lock.json"); err != nil {
		t.Skip("run make test, or npm ci in examples/typescript")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	return node
}

// TestTypeScriptClients has three tools generate clients from the OpenAPI document, which
// are type-checked and used.
func TestTypeScriptClients(t *testing.T) {
	node := typescript(t)
	b := startBalancer(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*startPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, "typescript/check.mjs", b.base, t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"valid OpenAPI 3.1.0", "openapi-fetch works", "swagger-typescript-api works", "oazapfts works"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

// TestWatchComesBack kills dynlb under a watch of grpc-js, which comes back to the next one.
func TestWatchComesBack(t *testing.T) {
	node := typescript(t)
	b := startBalancer(t)
	b.comesBack(t, exec.Command(node, "typescript/watch.mjs", b.grpc), "UNAVAILABLE")
}

// TestConnectComesBack does so under one of connect-es, with generated code.
func TestConnectComesBack(t *testing.T) {
	node := typescript(t)
	dir := t.TempDir()
	modules, err := filepath.Abs("typescript/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("typescript/watch-connect.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"watch-connect.ts": source, "package.json": []byte(`{"type": "module"}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	plugin := fmt.Sprintf(`{"version":"v2","plugins":[{"local":%q,"out":%q,"opt":"target=ts"}]}`,
		filepath.Join(modules, ".bin", "protoc-gen-es"), filepath.Join(dir, "gen"))
	generate := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/buf/go.mod", "buf", "generate", "--template", plugin, "proto")
	generate.Dir = ".."
	compile := exec.CommandContext(ctx, node, "node_modules/typescript/bin/tsc", "--strict", "--target", "es2022", "--lib", "es2023",
		"--types", "node", "--module", "nodenext", "--skipLibCheck", "--outDir", "out", "watch-connect.ts")
	compile.Dir = dir
	for _, cmd := range []*exec.Cmd{generate, compile} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	b := startBalancer(t)
	b.comesBack(t, exec.Command(node, filepath.Join(dir, "out", "watch-connect.js"), "http://"+b.grpc), "Canceled", "Unavailable", "Aborted read ECONNRESET")
}

// comesBack kills dynlb under a watch, which prints the target, then how it was lost, and
// the target again when the next dynlb runs. The worker may say that it stops before the
// kernel has killed it, too.
func (b *balancer) comesBack(t *testing.T, watch *exec.Cmd, lost ...string) {
	t.Helper()
	stdout, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	watch.Stderr = &stderr
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(startPatience, func() { _ = watch.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		_ = watch.Process.Kill()
		_ = watch.Wait()
		if t.Failed() {
			t.Logf("stderr of the watch:\n%s", stderr.String())
		}
	})
	lines := bufio.NewScanner(stdout)
	await := func(want ...string) {
		t.Helper()
		var all []string
		for lines.Scan() {
			all = append(all, lines.Text())
			if slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(lines.Text(), w) }) {
				return
			}
		}
		t.Fatalf("no line %q in %q", want, all)
	}
	await("target 1")
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = b.cmd.Wait()
	await(lost...)
	b.start(t)
	await("target 1")
}
