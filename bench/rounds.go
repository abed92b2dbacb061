package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	memory   []memorySample
}

// runBench measures all workloads, and removes what it set up for that. It
// reports its steps on progress.
func runBench(ctx context.Context, s settings, progress io.Writer) (found findings, err error) {
	if err := allowOpenFiles(s); err != nil {
		return found, err
	}
	if slices.ContainsFunc(s.Peers, isDynlb) {
		folder, err := os.MkdirTemp("", "dynlb-bench-")
		if err != nil {
			return found, fmt.Errorf("make a folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		if s.dynlb, err = dynlbBinary(ctx, s.dynlb, folder); err != nil {
			return found, err
		}
	}
	fmt.Fprintf(progress, "%d workloads, %d rounds of %s: about %v\n", len(s.todo()), s.Rounds,
		strings.Join(s.Peers, ", "), s.estimate())
	found.versions = map[string]string{}
	for _, secure := range []bool{false, true} {
		if err := found.runRounds(ctx, s, secure, progress); err != nil {
			return found, err
		}
	}
	for _, w := range s.todo() {
		if w.kind != idle {
			continue
		}
		samples, err := measureAllMemory(ctx, s, w, progress)
		if err != nil {
			return found, err
		}
		found.memory = append(found.memory, samples...)
	}
	return found, nil
}

// isDynlb reports whether a peer is dynlb, with either engine.
func isDynlb(peer string) bool { return strings.HasPrefix(peer, "dynlb") }

// dynlbBinary returns the binary to measure, built into folder unless one was
// given.
func dynlbBinary(ctx context.Context, given, folder string) (path string, err error) {
	if given == "" {
		path, err = buildDynlb(ctx, folder)
	} else {
		path, err = filepath.Abs(given)
	}
	if err != nil {
		return "", err
	}
	return path, checkEngines(ctx, path)
}

// allowOpenFiles lets every process open as many files as the run needs.
// dynlb takes two fifths of its limit for its clients, apart from a hundred or two
// files of its own, and HAProxy in TCP mode takes two files per connection.
func allowOpenFiles(s settings) error {
	largest := 0
	for _, w := range s.todo() {
		largest = max(largest, w.connections)
	}
	limit, err := raiseOpenFiles()
	if err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	if need := uint64(5*largest/2 + 1000); limit < need {
		return fmt.Errorf("the limit of open files is %d, these workloads need %d: raise it (ulimit -Hn), or choose with -workloads", limit, need)
	}
	return nil
}

// runRounds measures the workloads that are traffic. The peers stay up together
// and idle while one is measured. Each round measures every peer once, so that
// what changes on the machine changes for all. Those over TLS have peers of their own.
func (found *findings) runRounds(ctx context.Context, s settings, secure bool, progress io.Writer) (err error) {
	todo := slices.DeleteFunc(s.todo(), func(w workload) bool { return w.kind == idle || w.tls != secure })
	names := speaking(s.Peers, secure)
	if len(todo) == 0 || len(names) == 0 {
		return nil
	}
	site, err := newSite(s.dynlb, secure)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.close()) }()
	targets, err := startPeers(ctx, site, names)
	if err != nil {
		return err
	}
	for name, t := range targets {
		found.versions[name] = t.version
	}
	for _, w := range todo {
		limits := maxima(names, found.samples)
		for round := range s.Rounds {
			for _, name := range rotated(names, round) {
				rate := openRate(w.kind, name, limits)
				result, err := measure(ctx, site, targets[name], w, rate, s)
				if err != nil {
					return fmt.Errorf("measure %s under %s: %w", name, w.name, err)
				}
				smp := sample{Workload: w.name, Peer: name, Round: round + 1, loadResult: result}
				found.samples = append(found.samples, smp)
				fmt.Fprintln(progress, smp)
			}
		}
	}
	return nil
}

// rotated moves the order on by one each round, so that none always comes first.
func rotated(peers []string, round int) []string {
	first := round % len(peers)
	return slices.Concat(peers[first:], peers[:first])
}

// maxima are the peers' own maxima: the median of their throughput under the
// calibration workload, as far as that was measured.
func maxima(peers []string, samples []sample) map[string]float64 {
	limits := map[string]float64{}
	for _, name := range peers {
		if own := samplesOf(calibration, name, samples); len(own) > 0 {
			limits[name] = spreadOf(own, sample.perSecond).Median
		}
	}
	return limits
}

// openRate is the rate to send at, in requests per second; 0 for closed loops.
func openRate(kind workloadKind, peer string, limits map[string]float64) float64 {
	switch kind {
	case openHalf:
		return limits[peer] / 2
	case openCommon:
		slowest := limits[peer]
		for _, limit := range limits {
			slowest = min(slowest, limit)
		}
		return slowest / 2
	default:
		return 0
	}
}

// String returns one line of progress.
func (s sample) String() string {
	line := fmt.Sprintf("round %d  %-8s %-12s %7.1f µs CPU/request  p99 %8.3f ms  %7.0f requests/s  client %3.0f %% of a core",
		s.Round, s.Workload, s.Peer, micros(s.cpuPerRequest()), micros(s.P99)/1000, s.perSecond(),
		100*s.ClientCPU.Seconds()/s.Elapsed.Seconds())
	if s.Failed > 0 {
		line += fmt.Sprintf("  %d FAILED: %s", s.Failed, s.FirstFailure)
	}
	return line
}
