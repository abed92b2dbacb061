package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A sample is one window: one peer under one workload in one round.
type sample struct {
	Workload string `json:"workload"`
	Peer     string `json:"peer"`
	Round    int    `json:"round"`
	loadResult
}

// findings are what a run measured, and of what.
type findings struct {
	versions map[string]string // by peer
	samples  []sample
}

// runRounds starts all peers, measures them in turn, and takes everything down
// again. It says on progress what it is doing.
//
// The peers stay up together and idle while one is measured. Each round
// measures every peer once, so that what changes on the machine changes for
// all; the order moves on by one each round, so that none always comes first.
func runRounds(ctx context.Context, s settings, progress io.Writer) (_ findings, err error) {
	site, err := newSite(s.dynlb)
	if err != nil {
		return findings{}, err
	}
	defer func() {
		if closeErr := site.close(); err == nil {
			err = closeErr
		}
	}()
	targets, err := startPeers(ctx, site, s.Peers)
	if err != nil {
		return findings{}, err
	}
	found := findings{versions: map[string]string{}}
	for name, t := range targets {
		found.versions[name] = t.version
	}
	todo := workloads(s)
	each := s.Warmup + s.Duration
	fmt.Fprintf(progress, "%d workload(s), %d rounds of %s, %v each: %v\n", len(todo), s.Rounds,
		strings.Join(s.Peers, ", "), each, time.Duration(len(todo)*s.Rounds*len(s.Peers))*each)
	for _, w := range todo {
		for round := range s.Rounds {
			for i := range s.Peers {
				name := s.Peers[(round+i)%len(s.Peers)]
				result, err := measure(ctx, site, targets[name], w, s)
				if err != nil {
					return findings{}, fmt.Errorf("measure %s: %w", name, err)
				}
				smp := sample{Workload: w.name, Peer: name, Round: round + 1, loadResult: result}
				found.samples = append(found.samples, smp)
				fmt.Fprintln(progress, smp)
			}
		}
	}
	return found, nil
}

// String is one line for who watches the run.
func (s sample) String() string {
	line := fmt.Sprintf("round %d  %s  %-8s %6.1f µs CPU/request  p99 %7v  %7.0f requests/s  client %2.0f %% of a core",
		s.Round, s.Workload, s.Peer, micros(s.cpuPerRequest()), s.P99.Round(time.Microsecond), s.perSecond(),
		100*s.ClientCPU.Seconds()/s.Elapsed.Seconds())
	if s.Failed > 0 {
		line += fmt.Sprintf("  %d FAILED: %s", s.Failed, s.FirstFailure)
	}
	return line
}

// startPeers starts the origins and the peers. dynlb, when it takes part, goes
// first, since its instances are the origins.
func startPeers(ctx context.Context, site *site, names []string) (map[string]target, error) {
	targets := map[string]target{}
	order := slices.Clone(names)
	if i := slices.Index(order, "dynlb"); i >= 0 {
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
func measure(ctx context.Context, site *site, t target, w workload, s settings) (loadResult, error) {
	cmd := exec.Command(site.self, "load",
		"--addrs", strings.Join(t.addrs, ","),
		"--path", w.path,
		"--body", strconv.Itoa(w.bodyBytes),
		"--connections", strconv.Itoa(w.connections),
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
