package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// mixSlower is how many times as long the time between two faults is in a mixed soak:
// many dynlbs share one machine.
const mixSlower = 3

// mixSoak runs a soak over each of the chosen servers at the same time, each with a
// dynlb of its own, and writes their report. It fails with errFailed when a dynlb
// did not pass.
func mixSoak(ctx context.Context, s settings, out, progress io.Writer) error {
	servers, commands, err := choose(s.servers)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dynlb-soak-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	fmt.Fprintf(progress, "seed %d, %d servers, faults for %v; the logs are in %s\n", s.seed, len(servers), s.duration, dir)
	reports := make([]*report, len(servers))
	defer func() {
		for _, rep := range reports {
			if rep != nil && rep.daemon.running() {
				_ = rep.daemon.stop()
			}
		}
	}()
	// One after the other, on this thread: the kernel ends a dynlb when the thread
	// that started it dies.
	for i, server := range servers {
		own := filepath.Join(dir, strings.ReplaceAll(server.name, " ", "-"))
		if err := os.Mkdir(own, 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		mine := s
		mine.seed += uint64(i)
		r, err := mine.build(ctx, own, i, commands[i])
		if err != nil {
			return fmt.Errorf("%s: %w", server.name, err)
		}
		r.server = server
		r.slower = mixSlower
		r.load.mix = newMixOf(server, mine.seed, s.rate)
		reports[i] = &report{rig: r}
	}
	if err := runAll(ctx, reports, progress); err != nil {
		return fmt.Errorf("%w: the logs are in %s", err, dir)
	}
	m := mixReport{settings: s, reports: reports}
	m.write(out)
	if !m.passed() {
		return fmt.Errorf("%w: the logs are in %s", errFailed, dir)
	}
	return os.RemoveAll(dir)
}

// runAll runs the rigs of all reports at the same time, and completes the reports.
func runAll(ctx context.Context, reports []*report, progress io.Writer) error {
	telling, done := context.WithCancel(ctx)
	var all, teller sync.WaitGroup
	teller.Go(func() { tellAll(telling, reports, progress) })
	failures := make([]error, len(reports))
	for i, rep := range reports {
		all.Go(func() { failures[i] = rep.runMixed(ctx) }) // ends with its load
	}
	all.Wait()
	done()
	teller.Wait()
	return errors.Join(failures...)
}

// runMixed does the soak of one server, and completes its report.
func (r *report) runMixed(ctx context.Context) error {
	err := r.awaitReady(ctx, &r.before)
	if err != nil {
		return fmt.Errorf("%s: %w", r.server.name, err)
	}
	began := time.Now()
	r.strain(ctx, io.Discard)
	r.took = time.Since(began)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.load.client.close()
	r.end()
	if r.ledger, err = readLedger(r.ledgerDir); err != nil {
		return fmt.Errorf("%s: %w", r.server.name, err)
	}
	return nil
}

// tellAll writes a line of progress every thirty seconds until ctx ends.
func tellAll(ctx context.Context, reports []*report, progress io.Writer) {
	began := time.Now()
	for pause(ctx, 30*time.Second) {
		fmt.Fprintf(progress, "%6v:", time.Since(began).Round(time.Second))
		for _, r := range reports {
			gets, posts := r.load.losses()
			fmt.Fprintf(progress, " %s: %d sent, %d faults, lost %d+%d;", r.server.name, r.load.sent.Load(), r.injector.total(), gets, posts)
		}
		fmt.Fprintln(progress)
	}
}
