package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// dynlbConfig arguments: this program, listen address, base port, instances.
const dynlbConfig = `
command: [%[1]q, origin, --port, "{port}"]
env: {GODEBUG: ""}
listen: %[2]s
admin: 127.0.0.1:0
adminHTTP: 127.0.0.1:0
basePort: %[3]d
minInstances: %[4]d
maxInstances: %[4]d
`

// startDynlb is dynlb with its event loops.
func startDynlb(ctx context.Context, s *site) (target, error) {
	return startDynlbEngine(ctx, s, "dynlb", "fast")
}

// startDynlbStd is dynlb with net/http.
func startDynlbStd(ctx context.Context, s *site) (target, error) {
	return startDynlbEngine(ctx, s, "dynlb-std", "std")
}

// startDynlbEngine starts dynlb serve, which starts four origins as its
// instances. Those of the first dynlb are s.origins, what all other peers
// balance over; a second dynlb has four of its own, as it takes no others.
func startDynlbEngine(ctx context.Context, s *site, name, engine string) (target, error) {
	ports, err := freePorts(1 + originCount)
	if err != nil {
		return target{}, err
	}
	addr := loopback(ports)
	config := fmt.Sprintf(dynlbConfig, s.self, addr, ports+1, originCount)
	if s.tls != nil {
		config += fmt.Sprintf("tls: {cert: %q, key: %q}\n", s.tls.cert, s.tls.key)
	}
	file, err := s.write(name+".yaml", config)
	if err != nil {
		return target{}, err
	}
	cmd := exec.Command(s.dynlb, append([]string{"serve", "--config", file, "--engine", engine}, alone(ctx, s.dynlb)...)...)
	cmd.Env = s.goEnv()
	c, err := s.start(name, cmd)
	if err != nil {
		return target{}, err
	}
	var instances []string
	if err := c.awaitReady(ctx, func(ctx context.Context) error {
		instances, err = s.dynlbInstances(ctx, addr)
		return err
	}); err != nil {
		return target{}, err
	}
	if len(s.origins) == 0 {
		s.origins = instances
	}
	t := newTarget(c, addr)
	t.version = dynlbVersion(ctx, s.dynlb)
	// What the event loops carry leaves no garbage behind; the status does.
	t.collects, t.garbage = true, "/lb-status"
	return t, nil
}

// alone returns the flag that has one process do all the work, if the binary has it. The
// worker of a keeper has a process group of its own, and figures are those of a group.
func alone(ctx context.Context, path string) []string {
	help, err := exec.CommandContext(ctx, path, "serve", "--help").Output()
	if err != nil || !strings.Contains(string(help), "--no-keeper") {
		return nil
	}
	return []string{"--no-keeper"}
}

// dynlbVersion is the second word of "dynlb version".
func dynlbVersion(ctx context.Context, path string) string {
	said, err := exec.CommandContext(ctx, path, "version").Output()
	if words := strings.Fields(string(said)); err == nil && len(words) > 1 {
		return words[1]
	}
	return "unknown"
}

// dynlbInstances returns the addresses of the instances once all are healthy.
func (s *site) dynlbInstances(ctx context.Context, addr string) ([]string, error) {
	body, err := get(ctx, s.url(addr, "/lb-status"))
	if err != nil {
		return nil, err
	}
	var status struct {
		Healthy   int
		Instances []struct{ Port int }
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return nil, fmt.Errorf("read /lb-status: %w", err)
	}
	if status.Healthy != originCount {
		return nil, fmt.Errorf("%d of %d instances are healthy", status.Healthy, originCount)
	}
	var addrs []string
	for _, instance := range status.Instances {
		addrs = append(addrs, loopback(instance.Port))
	}
	return addrs, nil
}

// buildDynlb builds dynlb from this module into folder, as it is released.
func buildDynlb(ctx context.Context, folder string) (string, error) {
	path := filepath.Join(folder, "dynlb")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path,
		"github.com/dynlb/dynlb/cmd/dynlb")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dynlb: %w\n%s", err, said)
	}
	return path, nil
}

// checkEngines returns an error if the binary does not let one choose the
// engine.
func checkEngines(ctx context.Context, binary string) error {
	said, err := exec.CommandContext(ctx, binary, "serve", "--help").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask dynlb for its flags: %w\n%s", err, said)
	}
	if !strings.Contains(string(said), "--engine") {
		return errNoEngines
	}
	return nil
}

var errNoEngines = errors.New("this dynlb has no flag --engine, so its engines cannot be told apart: build a newer one")
