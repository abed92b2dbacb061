package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a child has from SIGTERM to SIGKILL. dynlb stops its
// four instances in that time.
const stopTimeout = 5 * time.Second

// A child is a process this benchmark started, leader of its own group.
type child struct {
	name   string
	output tail          // stderr, and stdout unless the caller took it
	done   chan struct{} // closed when the process is reaped and its group is gone
	err    error         // how it ended; read after done
	cmd    *exec.Cmd
}

// startChild starts cmd under name, in an environment in which nothing tunes
// one peer and not another, plus what cmd.Env has. The caller stops it.
func startChild(name string, cmd *exec.Cmd) (*child, error) {
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	cmd.Env = append(neutralEnv(os.Environ()), cmd.Env...)
	cmd.SysProcAttr = ownGroup()
	cmd.Stderr = &c.output
	if cmd.Stdout == nil {
		cmd.Stdout = &c.output
	}
	cmd.WaitDelay = time.Second // a leftover that holds the output open must not hold us
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	// Ends when the process does; stop waits for it through done.
	go func() {
		c.err = cmd.Wait()
		signalGroup(cmd.Process.Pid, syscall.SIGKILL) // what outlived its leader
		close(c.done)
	}()
	return c, nil
}

// group is the process group of the child and what it started.
func (c *child) group() int { return c.cmd.Process.Pid }

// stop ends the child's group, by SIGTERM or else by SIGKILL, and returns when
// the child is reaped. A child that already ended is fine.
func (c *child) stop() {
	select {
	case <-c.done:
		return
	default:
	}
	signalGroup(c.group(), syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		signalGroup(c.group(), syscall.SIGKILL)
		<-c.done
	}
}

// wait blocks until the child ends and returns how, with its last words.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", c.name, context.Cause(ctx))
	case <-c.done:
	}
	if c.err != nil {
		return fmt.Errorf("%s: %w: %s", c.name, c.err, c.output.String())
	}
	return nil
}

// awaitReady calls probe every few milliseconds until it succeeds. It gives up
// when the child ends, after 15 s, or with ctx.
func (c *child) awaitReady(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		probeErr := probe(ctx)
		if probeErr == nil {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("%s ended before it was ready: %w: %s",
				c.name, errors.Join(c.err, probeErr), c.output.String())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", c.name, probeErr, c.output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// neutralEnv is env without PORT, which dynlb listens on, without the knobs of
// the Go runtime, and with two threads for every Go peer, as nginx and HAProxy
// get two workers.
func neutralEnv(env []string) []string {
	var kept []string
	for _, pair := range env {
		switch key, _, _ := strings.Cut(pair, "="); key {
		case "PORT", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG":
		default:
			kept = append(kept, pair)
		}
	}
	return append(kept, fmt.Sprintf("GOMAXPROCS=%d", workers))
}
