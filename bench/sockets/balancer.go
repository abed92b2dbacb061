package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tick is the unit of processor times in /proc (proc_pid_stat(5)).
const tick = time.Second / 100

// balancer is a dynlb with one instance.
type balancer struct {
	cmd      *exec.Cmd
	address  string
	instance int // the process of the instance
}

// cost is the processor time of a request in microseconds.
type cost struct{ balancer, app float64 }

// start starts a dynlb with one instance, on a port or a socket.
func start(program, dir string, a app, socket bool) (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{address: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fmt.Sprintf("config-%v.yaml", socket))
	text := fmt.Sprintf("listen: %s\nadmin: 127.0.0.1:0\nadminHTTP: 127.0.0.1:0\nminInstances: 1\nmaxInstances: 1\n"+
		"command: [%s, %s]\nsocket: %v\nhealthPath: /\n", b.address, a.command, a.file, socket)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	b.cmd = exec.Command(program, "serve", "--no-keeper", "--config", file) // its figures are those of one process
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if err = b.ready(); err == nil {
			return b, nil
		}
		time.Sleep(100 * time.Millisecond) // the app starts
	}
	b.stop()
	return nil, fmt.Errorf("start dynlb: %w", err)
}

// ready finds the process of the instance, once it answers.
func (b *balancer) ready() error {
	response, err := http.Get("http://" + b.address + "/")
	if err != nil {
		return err
	}
	_ = response.Body.Close() // read only
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", b.cmd.Process.Pid))
	if err != nil || len(list) == 0 {
		return errors.New("dynlb has ended")
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", b.cmd.Process.Pid))
	for _, task := range tasks {
		children, _ := os.ReadFile(task) // of a thread that has ended
		for child := range strings.FieldsSeq(string(children)) {
			name, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if !strings.Contains(string(name), "\x00guard\x00") {
				b.instance, err = strconv.Atoi(child)
			}
		}
	}
	if b.instance == 0 {
		err = errors.Join(err, errors.New("dynlb has no instance"))
	}
	return err
}

// stop ends dynlb.
func (b *balancer) stop() {
	_ = b.cmd.Process.Signal(os.Interrupt)
	_ = b.cmd.Wait() // the measurement is over
}

// load sends requests for a time, and returns what one of them cost.
func (b *balancer) load(connections int, length time.Duration) (cost, error) {
	before := [2]time.Duration{used(b.cmd.Process.Pid), used(b.instance)}
	var clients sync.WaitGroup
	var mu sync.Mutex // guards requests and failed
	var requests int
	var failed error
	end := time.Now().Add(length)
	for range connections {
		clients.Go(func() {
			n, err := b.client(end)
			mu.Lock()
			defer mu.Unlock()
			requests, failed = requests+n, errors.Join(failed, err)
		})
	}
	clients.Wait()
	if failed != nil {
		return cost{}, failed
	}
	per := func(pid int, before time.Duration) float64 {
		return float64((used(pid) - before).Microseconds()) / float64(requests)
	}
	return cost{per(b.cmd.Process.Pid, before[0]), per(b.instance, before[1])}, nil
}

// client sends one request after the other on a connection.
func (b *balancer) client(end time.Time) (n int, err error) {
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for r := bufio.NewReader(conn); time.Now().Before(end); n++ {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
			return n, err
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return n, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return n, err
		}
	}
	return n, nil
}

// used returns the processor time of a process, user and system.
func used(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest) // from the third one, the state
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}
