package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// serveWithin is how long dynlb may take to open its ports.
	serveWithin = 15 * time.Second
	// endWithin is how long it may take to end: drainTimeout and stopTimeout
	// together, and as long again.
	endWithin = 2 * (drainTimeout + stopTimeout)
)

// A daemon is the dynlb process under test.
type daemon struct {
	cmd    *exec.Cmd
	public string // host:port of the public listener
	admin  string // and of admin HTTP
	ended  chan struct{}
}

// startDaemon starts dynlb with args, its log going to the file logPath, and
// returns when its ports are open. The caller stops it.
func startDaemon(ctx context.Context, binary, logPath string, args ...string) (*daemon, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("start dynlb: %w", err)
	}
	// Not CommandContext: it must not be killed when ctx ends, but stopped.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, args...)
	cmd.SysProcAttr = ownGroup()
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PORT=") })
	output, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		log.Close()
		return nil, fmt.Errorf("start dynlb: %w", err)
	}
	d := &daemon{cmd: cmd, ended: make(chan struct{})}
	ports := make(chan servingEntry, 1)
	go func() { // ends with the process; stop waits for it through ended
		defer close(d.ended)
		defer log.Close()
		follow(output, log, ports)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	select {
	case entry := <-ports:
		d.public, d.admin = entry.Listen, entry.AdminHTTP
		return d, nil
	case <-d.ended:
		err = fmt.Errorf("start dynlb: it ended: %v", cmd.ProcessState)
	case <-time.After(serveWithin):
		err = fmt.Errorf("start dynlb: not serving within %v", serveWithin)
	case <-ctx.Done():
		err = ctx.Err()
	}
	text, _ := os.ReadFile(logPath)
	return nil, errors.Join(err, fmt.Errorf("its log: %s", text), d.stop())
}

// servingEntry is the line of dynlb's log that names its ports.
type servingEntry struct{ Msg, Listen, AdminHTTP string }

// follow copies the log, line by line, and delivers the entry that names the
// ports.
func follow(output io.Reader, log io.Writer, ports chan<- servingEntry) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadBytes('\n')
		_, _ = log.Write(line) // a full disk must not block dynlb
		var entry servingEntry
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "serving" {
			select {
			case ports <- entry:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// running reports whether it has not ended.
func (d *daemon) running() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// hangUp sends SIGHUP: read the config again.
func (d *daemon) hangUp() error { return d.cmd.Process.Signal(syscall.SIGHUP) }

// stop sends SIGTERM and waits for the end, SIGKILL being the last resort. It
// returns nil when dynlb ended then, with exit code 0.
func (d *daemon) stop() error {
	if !d.running() {
		return fmt.Errorf("ended before it was told to: %v", d.cmd.ProcessState)
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may end at this moment
	select {
	case <-d.ended:
	case <-time.After(endWithin):
		_ = d.cmd.Process.Kill()
		<-d.ended
		return fmt.Errorf("did not end within %v of SIGTERM", endWithin)
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("ended with %v", d.cmd.ProcessState)
	}
	return nil
}
