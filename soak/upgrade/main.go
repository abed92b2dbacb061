// Command upgrade upgrades dynlb again and again under load, from one binary to another
// and back, and reports what clients notice.
//
//	make upgrade-soak [UPGRADEFLAGS='-n 20 -gap 2s -rate 300 -tls']
//
// The load is new connections at a rate, keep-alive clients, some of them over HTTP/2,
// requests of 1.5 s, and tunnels of 3 s that send something each 50 ms. No client repeats a request. It passes when no
// connection was refused, no request lost and no tunnel cut, and the instances and the main
// process are the same. A run with -n 0 is the one to compare latencies with.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	old, next string
	n, rate   int
	gap       time.Duration
	tls       bool
}

func main() {
	var s settings
	flag.StringVar(&s.old, "old", "bin/dynlb", "the binary to begin with")
	flag.StringVar(&s.next, "next", "", "the binary to upgrade to; empty: a copy of -old")
	flag.IntVar(&s.n, "n", 20, "how many upgrades")
	flag.IntVar(&s.rate, "rate", 300, "new connections a second")
	flag.DurationVar(&s.gap, "gap", 2*time.Second, "the time between two upgrades")
	flag.BoolVar(&s.tls, "tls", false, "clients use HTTPS")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "upgrade:", err)
		os.Exit(1)
	}
}

// run runs the load and the upgrades.
func run(s settings) error {
	folder, err := os.MkdirTemp("", "dynlb-upgrade-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if s.old, err = filepath.Abs(s.old); err != nil {
		return err
	}
	if s.next == "" {
		content, err := os.ReadFile(s.old)
		if err != nil {
			return err
		}
		s.next = filepath.Join(folder, "dynlb-next")
		if err := os.WriteFile(s.next, content, 0o700); err != nil { //nolint:gosec // G306: a program
			return err
		}
	}
	if s.next, err = filepath.Abs(s.next); err != nil {
		return err
	}
	d, err := start(s, folder)
	if err != nil {
		return err
	}
	defer d.stop()
	before := d.instances()
	length := time.Duration(s.n)*s.gap + 6*time.Second
	if s.n == 0 {
		length = 30 * time.Second
	}
	done := make(chan *tally)
	go func() { done <- load(d.address, s, length) }() // ends after length; waited for below
	time.Sleep(2 * time.Second)
	var failed []string
	for i := range s.n {
		if output, err := d.upgrade([]string{s.next, s.old}[i%2]); err != nil {
			failed = append(failed, fmt.Sprintf("upgrade %d: %v: %s", i+1, err, output))
		}
		time.Sleep(s.gap)
	}
	counts := <-done
	counts.print(os.Stdout)
	failed = append(failed, counts.failures()...)
	if after := d.instances(); !slices.Equal(before, after) || len(after) == 0 {
		failed = append(failed, fmt.Sprintf("instances %v, before %v", after, before))
	}
	if d.cmd.Process.Signal(syscall.Signal(0)) != nil {
		failed = append(failed, "the main process has ended")
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d problems:\n  %s\nlog:\n%s", len(failed), strings.Join(failed, "\n  "), d.log.String())
	}
	fmt.Printf("%d upgrades: nothing refused, lost or cut; the same instances and main process\n", s.n)
	return nil
}

// dynlb is a running one.
type dynlb struct {
	cmd            *exec.Cmd
	binary         string
	address, admin string
	log            bytes.Buffer
}

// start starts dynlb with three instances of the demo backend.
func start(s settings, folder string) (*dynlb, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	d := &dynlb{binary: s.old, address: fmt.Sprintf("127.0.0.1:%d", ports[0]), admin: fmt.Sprintf("127.0.0.1:%d", ports[1])}
	text := fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: 127.0.0.1:%d\nbasePort: %d\nminInstances: 3\nmaxInstances: 3\nmaxConcurrency: 0\nstateDir: %s\n",
		d.address, d.admin, ports[2], ports[3], filepath.Join(folder, "state"))
	if s.tls {
		text += fmt.Sprintf("tls: {internal: true, storage: %s}\n", filepath.Join(folder, "tls"))
	}
	config := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	d.cmd = exec.Command(s.old, "serve", "--config", config)
	d.cmd.Stderr = &d.log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		if out, err := d.run("status", "-o", "json"); err == nil && bytes.Contains(out, []byte(`"healthy":3`)) {
			return d, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.stop()
	return nil, fmt.Errorf("dynlb is not ready:\n%s", d.log.String())
}

// freePorts returns ports that are free now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		_ = l.Close() // the kernel gives the next one another port
	}
	return ports, nil
}

// run runs a command of dynlb.
func (d *dynlb) run(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, d.binary, append(args, "--admin", d.admin)...).CombinedOutput()
}

// upgrade upgrades to a binary.
func (d *dynlb) upgrade(path string) ([]byte, error) { return d.run("upgrade", path) }

// instances returns the process ids of the instances, in order.
func (d *dynlb) instances() (pids []string) {
	out, err := d.run("status", "-o", "full")
	if err != nil {
		return nil
	}
	for _, field := range strings.FieldsFunc(string(out), func(r rune) bool { return r == '"' || r == ',' }) {
		if strings.HasPrefix(field, "pid ") {
			pids = append(pids, field)
		}
	}
	slices.Sort(pids)
	return pids
}

// stop ends dynlb.
func (d *dynlb) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.AfterFunc(15*time.Second, func() { _ = d.cmd.Process.Kill() })
	defer timer.Stop()
	_ = d.cmd.Wait() // how it ends is for other tests
}
