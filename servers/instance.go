package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readyWithin bounds the start of a server on a busy machine.
const readyWithin = 60 * time.Second

// A process is a running server, the leader of a process group.
type process struct {
	cmd     *exec.Cmd
	address string
	ended   chan struct{}
	output  strings.Builder // read it after ended
}

// launch starts a server on a port and waits until it answers.
func (p place) launch(ctx context.Context, s server, port int) (*process, error) {
	words, err := s.find(p.dir)
	if err != nil {
		return nil, err
	}
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "{port}", strconv.Itoa(port))
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "PORT="+strconv.Itoa(port)), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r := &process{cmd: cmd, address: fmt.Sprintf("127.0.0.1:%d", port), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &r.output, &r.output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	go func() { // ends with the process
		defer close(r.ended)
		_ = cmd.Wait() // how it ended is of no interest
	}()
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(50 * time.Millisecond) {
		c, err := dial(r.address)
		if err == nil {
			_, err = c.ask("GET", "/health", "", "")
			c.Close()
		}
		select {
		case <-r.ended:
			return nil, fmt.Errorf("start server: it ended: %s", r.output.String())
		default:
		}
		if err == nil {
			return r, nil
		}
		if time.Now().After(deadline) {
			r.kill()
			return nil, fmt.Errorf("start server: %w: %s", err, r.output.String())
		}
	}
}

func (r *process) signal(sig syscall.Signal) { _ = syscall.Kill(-r.cmd.Process.Pid, sig) }

// kill ends all of the group and waits for its leader.
func (r *process) kill() {
	r.signal(syscall.SIGKILL)
	<-r.ended
}

// answerWithin bounds one request.
const answerWithin = 20 * time.Second

// conn is a connection to a server.
type conn struct {
	net.Conn
	in *bufio.Reader
}

func dial(address string) (*conn, error) {
	dialer := net.Dialer{Timeout: answerWithin}
	n, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: n, in: bufio.NewReader(n)}, nil
}

// A reply is a response that was read to its end.
type reply struct {
	*http.Response
	body string
}

var errStatus = errors.New("not 200")

// ask sends one request and reads the response. fields are whole lines.
func (c *conn) ask(method, path, fields, content string) (reply, error) {
	c.SetDeadline(time.Now().Add(answerWithin))
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s", method, path, fields, content); err != nil {
		return reply{}, err
	}
	return c.receive(method)
}

// receive reads a response. A status other than 200 is an error too.
func (c *conn) receive(method string) (reply, error) {
	response, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %d", errStatus, response.StatusCode)
	}
	return reply{response, string(body)}, err
}
