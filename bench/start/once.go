package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// pollInterval is the time between two attempts to connect: well below what is measured.
	pollInterval = 200 * time.Microsecond
	// startLimit bounds a start, on a machine that is very busy.
	startLimit = 30 * time.Second
)

// client is another address of this machine than the one that is connected to. Else the
// kernel might give a connection the port that it is to, and connect it with itself.
var client = net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}

// once is one start of a program.
type once struct {
	program string
	flags   []string
	dir     string // for all that it writes
	port    int
}

// measure starts the program, waits for a response, and stops it. The processor time is that
// of all processes, from the start to the end.
func (o *once) measure() (t took, err error) {
	config := filepath.Join(o.dir, "config.yaml")
	if err := os.WriteFile(config, []byte("listen: 127.0.0.1:"+strconv.Itoa(o.port)+"\n"), 0o600); err != nil {
		return took{}, err
	}
	cmd := exec.Command(o.program, append([]string{"serve", "--config", config}, o.flags...)...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+o.dir, "XDG_RUNTIME_DIR="+o.dir)
	log, err := os.Create(filepath.Join(o.dir, "log"))
	if err != nil {
		return took{}, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return took{}, err
	}
	t, err = o.await(begin)
	err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return took{}, fmt.Errorf("%w; it says:\n%s", err, text)
	}
	t.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return t, nil
}

// await waits until a client gets the first page.
func (o *once) await(begin time.Time) (t took, err error) {
	dialer := net.Dialer{LocalAddr: &client}
	address := "127.0.0.1:" + strconv.Itoa(o.port)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		for {
			c, err := dialer.DialContext(ctx, "tcp", address)
			if err == nil {
				t.listen = time.Since(begin)
			}
			if err == nil || time.Since(begin) > startLimit {
				return c, err
			}
			time.Sleep(pollInterval)
		}
	}}
	response, err := (&http.Client{Transport: transport, Timeout: startLimit}).Get("http://" + address)
	if err != nil {
		return t, err
	}
	t.answer = time.Since(begin)
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", response.Status)
	}
	return t, errors.Join(err, response.Body.Close())
}
