// Command http2 compares HTTP/2 of dynlb with that of nginx and HAProxy: the processor
// time that each takes for a GET with a few bytes back, over 8 connections with 1 and with
// 32 streams at a time, in clear text and over TLS 1.3. The client is h2load. It prints a
// table for bench/README.md.
//
// All have two threads and the same two instances behind them. The rounds of the peers
// alternate, and a row has the median of the ratios within a round, so that what else the
// machine does weighs on all.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

const connections = 8

func main() {
	rounds := flag.Int("rounds", 7, "`number` of rounds")
	length := flag.Duration("length", 2*time.Second, "`time` of a round, in whole seconds")
	program := flag.String("dynlb", "bin/dynlb", "the `program` to measure")
	only := flag.String("only", "", "clear or tls: `what` to measure; empty: both")
	flag.Parse()
	if err := run(*program, *only, *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "http2:", err)
		os.Exit(1)
	}
}

// run measures clear text and TLS, and prints the table.
func run(program, only string, rounds int, length time.Duration) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "|\t| streams\t| dynlb\t| nginx\t| HAProxy\t| dynlb ÷ nginx\t| dynlb ÷ HAProxy |")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|---\t|---\t|--- |")
	for _, secure := range []bool{false, true} {
		if name := map[bool]string{false: "clear", true: "tls"}[secure]; only != "" && only != name {
			continue
		}
		if err := measure(out, program, secure, rounds, length); err != nil {
			return err
		}
	}
	return out.Flush()
}

// measure adds the rows of clear text or of TLS.
func measure(out *tabwriter.Writer, program string, secure bool, rounds int, length time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "http2")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &site{dir: dir, program: program, secure: secure}
	defer s.stop()
	if err := s.start(); err != nil {
		return err
	}
	for _, streams := range []int{1, 32} {
		costs := make([][]float64, len(s.peers))
		for round := range rounds + 1 {
			for i := range s.peers {
				i = (i + round) % len(s.peers)
				c, err := s.peers[i].load(streams, length)
				if err != nil { // one request in a million fails at a busy machine
					c, err = s.peers[i].load(streams, length)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", s.peers[i].name, err)
				}
				if round > 0 { // the first one warms up
					costs[i] = append(costs[i], c)
				}
			}
		}
		fmt.Fprintf(out, "| %s\t| %d\t| %.1f us\t| %.1f us\t| %.1f us\t| %s\t| %s |\n", s.name(), streams,
			quantile(costs[0], 0.5), quantile(costs[1], 0.5), quantile(costs[2], 0.5), ratio(costs[0], costs[1]), ratio(costs[0], costs[2]))
	}
	return nil
}

var (
	succeeded = regexp.MustCompile(`(\d+) succeeded, (\d+) failed, (\d+) errored`)
	protocol  = regexp.MustCompile(`Application protocol: (\S+)`)
)

// load sends requests for a time, and returns the processor time of one in microseconds.
func (p *peer) load(streams int, length time.Duration) (float64, error) {
	before := used(p.cmd.Process.Pid)
	command := exec.Command("h2load", "-t1", "-c"+strconv.Itoa(connections), "-m"+strconv.Itoa(streams),
		fmt.Sprintf("-D%d", int(length.Seconds())), p.url)
	output, err := command.CombinedOutput()
	took := used(p.cmd.Process.Pid) - before
	if err != nil {
		return 0, fmt.Errorf("h2load: %w: %s", err, output)
	}
	m := succeeded.FindStringSubmatch(string(output))
	if len(m) < 4 || m[2] != "0" || m[3] != "0" {
		return 0, fmt.Errorf("requests failed: %s", output)
	}
	if a := protocol.FindStringSubmatch(string(output)); len(a) < 2 || !strings.HasPrefix(a[1], "h2") {
		return 0, fmt.Errorf("another protocol than HTTP/2: %s", output)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 {
		return 0, fmt.Errorf("no requests: %s", output)
	}
	return float64(took.Microseconds()) / float64(n), nil
}

// ratio returns the median of the ratios of two costs, and their quartiles.
func ratio(a, b []float64) string {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return fmt.Sprintf("**%.2f** [%.2f-%.2f]", quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
}

// quantile returns a quantile of values.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
