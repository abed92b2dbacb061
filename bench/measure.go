package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startPeers starts the origins and the peers. A dynlb, when one takes part,
// goes first, since its instances are the origins.
func startPeers(ctx context.Context, site *site, names []string) (map[string]target, error) {
	targets := map[string]target{}
	order := slices.Clone(names)
	if i := slices.IndexFunc(order, isDynlb); i >= 0 {
		order[0], order[i] = order[i], order[0]
	} else if err := startOrigins(ctx, site); err != nil {
		return nil, err
	}
	for _, name := range order {
		for _, p := range peers() {
			if p.name != name {
				continue
			}
			t, err := p.start(ctx, site)
			if err != nil {
				return nil, err
			}
			targets[name] = t
		}
	}
	return targets, nil
}

// measure runs the load generator against one target, in a process of its own.
func measure(ctx context.Context, site *site, t target, w workload, rate float64, s settings) (loadResult, error) {
	cmd := exec.Command(site.self, "load",
		"--addrs", strings.Join(t.addrs, ","),
		"--workload", w.name,
		"--rate", strconv.FormatFloat(rate, 'f', -1, 64),
		"--warmup", s.Warmup.String(),
		"--duration", s.Duration.String(),
		"--group", strconv.Itoa(t.group))
	var out bytes.Buffer
	cmd.Stdout = &out
	c, err := startChild("load", cmd)
	if err != nil {
		return loadResult{}, err
	}
	defer c.stop()
	// The load ends by itself well before this.
	ctx, cancel := context.WithTimeout(ctx, s.Warmup+s.Duration+20*time.Second)
	defer cancel()
	if err := c.wait(ctx); err != nil {
		return loadResult{}, err
	}
	var result loadResult
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return loadResult{}, fmt.Errorf("read the load's result: %w", err)
	}
	return result, nil
}
