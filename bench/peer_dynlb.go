package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// dynlbConfig arguments: this program, listen address, base port, instances.
const dynlbConfig = `
command: [%[1]q, origin, --port, "{port}"]
listen: %[2]s
admin: 127.0.0.1:0
adminHTTP: 127.0.0.1:0
basePort: %[3]d
minInstances: %[4]d
maxInstances: %[4]d
`

// startDynlb starts dynlb serve, which starts the origins as its instances; all
// peers then balance over those. It fills s.origins.
func startDynlb(ctx context.Context, s *site) (target, error) {
	path, err := dynlbBinary(ctx, s)
	if err != nil {
		return target{}, err
	}
	ports, err := freePorts(1 + originCount)
	if err != nil {
		return target{}, err
	}
	addr := loopback(ports)
	file, err := s.write("config.yaml", fmt.Sprintf(dynlbConfig, s.self, addr, ports+1, originCount))
	if err != nil {
		return target{}, err
	}
	c, err := s.start("dynlb", exec.Command(path, "serve", "--config", file))
	if err != nil {
		return target{}, err
	}
	if err := c.awaitReady(ctx, func(ctx context.Context) error {
		s.origins, err = dynlbInstances(ctx, addr)
		return err
	}); err != nil {
		return target{}, err
	}
	return target{addrs: []string{addr}, group: c.group(), version: dynlbVersion(ctx, path)}, nil
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
func dynlbInstances(ctx context.Context, addr string) ([]string, error) {
	body, err := get(ctx, addr, "/lb-status")
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

// dynlbBinary returns the binary to measure, built from this module unless one
// was given.
func dynlbBinary(ctx context.Context, s *site) (string, error) {
	if s.dynlb != "" {
		return s.dynlb, nil
	}
	path := filepath.Join(s.dir, "dynlb")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/dynlb/dynlb/cmd/dynlb")
	build.Env = append(build.Environ(), "CGO_ENABLED=0") // as released
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dynlb: %w\n%s", err, said)
	}
	return path, nil
}
