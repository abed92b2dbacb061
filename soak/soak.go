package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// How the load begins. The quiet time is long enough for 15,000 requests, of
// which 15 are beyond p99.9.
const (
	warmUp    = 5 * time.Second
	quietTime = 15 * time.Second
)

// A rig is a dynlb with its load and its faults.
type rig struct {
	settings
	daemon    *daemon
	admin     *admin
	ledgerDir string
	server    server
	slower    int // how many times as long the time between two faults is
	load      *load
	injector  *injector
	offenders *offenders
	bystander *bystander // nil: there is no second app
	windows   windows
	holders   map[string]*holder // by what they hold
}

// soak runs one soak and writes its report. It fails with errFailed when dynlb
// did not pass.
func soak(ctx context.Context, s settings, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "dynlb-soak-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	fmt.Fprintf(progress, "seed %d, faults for %v, about %v in all; dynlb's log is %s\n",
		s.seed, s.duration, (warmUp + quietTime + s.duration + 20*time.Second).Round(time.Second), filepath.Join(dir, "dynlb.log"))
	command, err := bunServer.find()
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	r, err := s.build(ctx, dir, 0, command)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	r.offenders = newOffenders(r.daemon.public)
	r.holders = map[string]*holder{
		"event streams": {windows: &r.windows, hold: holdEvents(r.daemon.public)},
		"WebSockets":    {windows: &r.windows, hold: holdSocket(r.daemon.public)},
	}
	rep, err := r.run(ctx, progress)
	if err != nil {
		return errors.Join(err, r.daemon.stop(), fmt.Errorf("its files are in %s", dir))
	}
	rep.write(out)
	if !rep.passed() {
		return fmt.Errorf("%w: dynlb's log is in %s", errFailed, dir)
	}
	return os.RemoveAll(dir)
}

// build starts dynlb in dir with instances of a server, and prepares load and
// faults. Two rigs with different numbers have different ports.
func (s settings) build(ctx context.Context, dir string, number int, command []string) (*rig, error) {
	config := &configFile{
		path:    filepath.Join(dir, "config", "config.yaml"),
		command: command,
		ledger:  filepath.Join(dir, "ledger"),
		// Instances get the free ports from here on. These are
		// below those of outgoing connections; two soaks at once keep apart.
		basePort: 10000 + os.Getpid()%100*200 + number*20,
		secure:   s.secure,
	}
	if s.second {
		var err error
		if config.second, err = secondText(); err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{config.ledger, filepath.Dir(config.path)} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
	}
	if err := config.change(0); err != nil {
		return nil, err
	}
	args := []string{"serve", "--config", config.path}
	if s.engine != "" {
		args = append(args, "--engine", s.engine)
	}
	d, err := startDaemon(ctx, s.dynlb, filepath.Join(dir, "dynlb.log"), args...)
	if err != nil {
		return nil, err
	}
	app := defaultApp
	if s.second {
		app = firstApp
	}
	r := &rig{settings: s, slower: 1, daemon: d, admin: newAdmin(d.admin, app), ledgerDir: config.ledger}
	if s.second {
		if r.bystander, err = newBystander(d); err != nil {
			return nil, errors.Join(err, d.stop())
		}
		r.admin.others = 1
	}
	r.load = &load{
		client: newClient(d.public, maxConnections),
		mix:    newMix(s.seed, s.rate),
		ends:   [phases]time.Duration{warmUp, warmUp + quietTime, warmUp + quietTime + s.duration},
	}
	r.injector = &injector{daemon: d, admin: r.admin, config: config, windows: &r.windows}
	return r, nil
}

// find returns the absolute path of a file of this module.
func find(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("find %s: %w (run make soak, in the module's folder)", name, err)
	}
	return path, nil
}

// run does the soak, from the first reading to dynlb's end. On an error dynlb
// still runs.
func (r *rig) run(ctx context.Context, progress io.Writer) (*report, error) {
	rep := &report{rig: r}
	if err := r.awaitReady(ctx, &rep.before); err != nil {
		return nil, err
	}
	began := time.Now()
	r.strain(ctx, progress)
	rep.took = time.Since(began)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.load.client.close()
	if err := r.admin.scale(ctx, minInstances); err != nil {
		rep.unsettled = []string{err.Error()}
	}
	var unsettled []string
	rep.after, unsettled = settle(ctx, r.daemon, r.admin, rep.before)
	rep.unsettled = append(rep.unsettled, unsettled...)

	rep.end()
	var err error
	rep.ledger, err = readLedger(r.ledgerDir)
	return rep, err
}

// end stops dynlb, and records how it ended and which processes outlived it.
func (r *report) end() {
	family := append(childrenOf(r.daemon.pid()), instancesOf(r.daemon.pid())...)
	r.ending = r.daemon.stop()
	r.left = instancesOf(r.daemon.pid())
	for _, pid := range family {
		if !gone(pid) {
			r.left = append(r.left, pid)
		}
	}
}

// awaitReady waits until all instances are ready, and takes the first reading.
func (r *rig) awaitReady(ctx context.Context, first *reading) error {
	for deadline := time.Now().Add(serveWithin); ; {
		got, err := read(ctx, r.daemon, r.admin)
		if err == nil && got.ready == minInstances && got.instances == minInstances {
			*first = got
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("await instances: %d are ready after %v", got.ready, serveWithin), err)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// strain puts the load on dynlb and, after the quiet time, the faults and the
// misbehaving clients, until all of it is over.
func (r *rig) strain(ctx context.Context, progress io.Writer) {
	streaming, stopStreams := context.WithCancel(ctx)
	var loads, others sync.WaitGroup
	loads.Go(func() { r.load.run(ctx) }) // ends by itself
	for name, h := range r.holders {
		for n := range heldStreams {
			others.Go(func() { h.run(streaming, fmt.Sprintf("%c%d", name[0], n)) }) // ends with streaming
		}
	}
	others.Go(func() { r.tell(streaming, progress) })
	if r.bystander != nil {
		others.Go(func() { r.bystander.run(streaming) })
	}
	others.Go(func() {
		if pause(streaming, warmUp+quietTime) && r.offenders != nil {
			r.offenders.run(streaming)
		}
	})
	loads.Go(func() {
		if pause(ctx, warmUp+quietTime) {
			r.injector.run(ctx, newPlan(r.seed, r.duration, r.reloads, r.slower)) // ends by itself
		}
	})
	loads.Wait()
	stopStreams()
	others.Wait()
}

// tell writes a line of progress every ten seconds until ctx ends.
func (r *rig) tell(ctx context.Context, progress io.Writer) {
	began := time.Now()
	for pause(ctx, 10*time.Second) {
		gets, posts := r.load.losses()
		line := fmt.Sprintf("%6v: %d sent, %d in flight; lost: %d GETs, %d POSTs; faults: %d",
			time.Since(began).Round(time.Second), r.load.sent.Load(), r.load.inFlight.Load(), gets, posts, r.injector.total())
		if pool, err := r.admin.status(ctx); err == nil {
			line += fmt.Sprintf("; instances: %d, %d wanted, %d requests wait",
				len(pool.GetInstances()), pool.GetTarget(), pool.GetWaitingRequests())
		}
		if !r.daemon.running() {
			line += "; dynlb has ended"
		}
		fmt.Fprintln(progress, line)
	}
}
