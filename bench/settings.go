package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// settings are the flags of a run.
type settings struct {
	Rounds    int           `json:"rounds"`
	Duration  time.Duration `json:"durationNs"` // one window: one peer, one round
	Warmup    time.Duration `json:"warmupNs"`   // before each window, on the same connections
	Peers     []string      `json:"peers"`
	Workloads []string      `json:"workloads"`

	dynlb string // a ready-made dynlb binary; empty: built from this module
	out   string // folder for the report and the plots; empty: none
}

// defaultPeers are all but direct, which is no peer.
const defaultPeers = "dynlb,dynlb-std,bare,nginx,haproxy,haproxy-tcp,caddy"

func parseSettings(args []string) (settings, error) {
	s := settings{}
	var peers, loads string
	flags := newFlagSet("bench")
	flags.IntVar(&s.Rounds, "rounds", 3, "interleaved rounds, 1 to 100")
	flags.DurationVar(&s.Duration, "duration", 1200*time.Millisecond, "measured time per workload, peer and round, 100ms to 1m")
	flags.DurationVar(&s.Warmup, "warmup", 250*time.Millisecond, "unmeasured time before each window, up to 10s")
	flags.StringVar(&peers, "peers", defaultPeers, "which to measure, of "+strings.Join(peerNames(), ","))
	flags.StringVar(&loads, "workloads", "all", "under what, of "+strings.Join(workloadNames(), ","))
	flags.StringVar(&s.dynlb, "dynlb", "", "dynlb binary to measure (default: built from ./cmd/dynlb)")
	flags.StringVar(&s.out, "out", "bench/results", "folder for latest.md, latest.json and the plots; empty writes none")
	if err := parseFlags(flags, args); err != nil {
		return s, err
	}
	s.Peers = strings.Split(peers, ",")
	s.Workloads = workloadNames()
	if loads != "all" {
		s.Workloads = strings.Split(loads, ",")
	}

	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(s.Rounds >= 1 && s.Rounds <= 100, "-rounds %d: must be 1 to 100", s.Rounds)
	check(s.Duration >= 100*time.Millisecond && s.Duration <= time.Minute, "-duration %v: must be 100ms to 1m", s.Duration)
	check(s.Warmup >= 0 && s.Warmup <= 10*time.Second, "-warmup %v: must be 0 to 10s", s.Warmup)
	for flag, list := range map[string]struct{ got, known []string }{
		"peers":     {s.Peers, peerNames()},
		"workloads": {s.Workloads, workloadNames()},
	} {
		for i, name := range list.got {
			check(slices.Contains(list.known, name), "-%s %q: must be of %s", flag, name, strings.Join(list.known, ","))
			check(!slices.Contains(list.got[:i], name), "-%s %s: named twice", flag, name)
		}
	}
	if len(problems) > 0 {
		return s, fmt.Errorf("%w: %w", errUsage, errors.Join(problems...))
	}
	return s, nil
}

// todo are the workloads to measure, in the order they are measured in. An open
// loop needs to know what a peer can do at most, so it brings the calibration
// with it.
func (s settings) todo() []workload {
	var todo []workload
	for _, w := range workloads() {
		calibrates := w.name == calibration && slices.ContainsFunc(s.Workloads, isOpen)
		if slices.Contains(s.Workloads, w.name) || calibrates {
			todo = append(todo, w)
		}
	}
	return todo
}

// isOpen reports whether the workload of that name is an open loop.
func isOpen(name string) bool {
	w, _ := findWorkload(name)
	return w.kind == openHalf || w.kind == openCommon
}

// estimate is how long the run should take, to within a quarter.
func (s settings) estimate() time.Duration {
	const memoryRun = 8 * time.Second
	const processStart = 100 * time.Millisecond
	var sum time.Duration
	for _, w := range s.todo() {
		if w.kind == idle {
			sum += time.Duration(len(s.Peers)*min(s.Rounds, maxMemoryRounds)) * memoryRun
		} else {
			sum += time.Duration(len(s.Peers)*s.Rounds) * (s.Warmup + s.Duration + processStart)
		}
	}
	return sum.Round(time.Second)
}
