package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The load through dynlb.
const (
	loadFor = 30 * time.Second
	clients = 8
	// pauseLimit is the longest idle time of a server that the clients try to meet.
	// dynlb closes its idle connections after 4 s by itself.
	pauseLimit = 4500 * time.Millisecond
)

const configText = `command: %s
workDir: %q
env: %s
listen: 127.0.0.1:%d
admin: 127.0.0.1:%d
adminHTTP: 127.0.0.1:%d
basePort: %d
minInstances: 2
maxInstances: 4
idleTimeout: 5s
startTimeout: 60s
`

// losses counts requests.
type losses struct {
	gets, posts, lostGETs, lostPOSTs atomic.Int64
}

// throughDynlb runs dynlb with two instances of a server, loads it for loadFor, and
// tells what was lost. pause is the server's idle time, 0 if unknown.
func (p place) throughDynlb(ctx context.Context, s server, pause time.Duration) (string, error) {
	words, err := s.find(p.dir)
	if err != nil {
		return "", err
	}
	command, _ := json.Marshal(words) // encoding strings does not fail
	env := map[string]string{}
	for _, pair := range s.env {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	variables, _ := json.Marshal(env) // likewise
	base := p.basePort
	name := filepath.Join(p.dir, fmt.Sprintf("config-%d.yaml", base))
	text := fmt.Sprintf(configText, command, p.dir, variables, base+1, base+2, base+3, base+5)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.dynlb, "serve", "--config", name)
	cmd.Env = append(os.Environ(), "PORT=") // PORT would take the place of listen's
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start dynlb: %w", err)
	}
	var l losses
	admin := fmt.Sprintf("http://127.0.0.1:%d", base+3)
	err = awaitReady(ctx, admin)
	if err == nil {
		err = l.load(ctx, fmt.Sprintf("127.0.0.1:%d", base+1), admin, pause)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if ended := cmd.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("stop dynlb: %w", ended)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, log.String()[max(0, log.Len()-2000):])
	}
	if lost := l.lostGETs.Load() + l.lostPOSTs.Load(); lost == 0 {
		return fmt.Sprintf("no, of %d", l.gets.Load()+l.posts.Load()), nil
	}
	return fmt.Sprintf("**%d of %d GETs, %d of %d POSTs**", l.lostGETs.Load(), l.gets.Load(), l.lostPOSTs.Load(), l.posts.Load()), nil
}

// awaitReady waits until dynlb has its two instances.
func awaitReady(ctx context.Context, admin string) error {
	for deadline := time.Now().Add(2 * readyWithin); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		text, err := call(ctx, http.MethodGet, admin+"/lb-status", "")
		if err == nil && strings.Contains(text, `"healthy":2`) {
			return nil
		}
	}
	return errors.New("start dynlb: no two instances are ready")
}

// load runs the clients, and has dynlb restart, and scale up and down, meanwhile.
func (l *losses) load(ctx context.Context, address, admin string, pause time.Duration) error {
	loading, cancel := context.WithTimeout(ctx, loadFor)
	defer cancel()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() { l.client(loading, address, pause) }) // ends with loading
	}
	var failures []error
	for _, step := range []struct{ path, body string }{
		{"/v1/restart", "{}"}, {"/v1/scale", `{"target": 4}`}, {"/v1/scale", `{"target": 2}`}, {"/v1/restart", "{}"},
	} {
		select {
		case <-loading.Done():
		case <-time.After(loadFor / 6):
		}
		if _, err := call(ctx, http.MethodPost, admin+step.path, step.body); err != nil {
			failures = append(failures, err)
		}
	}
	all.Wait()
	return errors.Join(failures...)
}

// client sends GETs and POSTs by turns, and pauses before some of them for about as
// long as the server keeps idle connections.
func (l *losses) client(ctx context.Context, address string, pause time.Duration) {
	for ctx.Err() == nil {
		c, err := dial(address)
		if err != nil {
			l.gets.Add(1)
			l.lostGETs.Add(1)
			continue
		}
		for again := true; again && ctx.Err() == nil; {
			wait := rand.N(300 * time.Millisecond)
			if pause > 0 && rand.N(4) == 0 {
				wait = pause - 50*time.Millisecond + rand.N(100*time.Millisecond)
			}
			time.Sleep(wait)
			again = l.send(c)
		}
		c.Close()
	}
}

// send sends a GET or a POST, and reports whether the connection takes another one.
func (l *losses) send(c *conn) bool {
	method, content, want := http.MethodGet, "", hello
	sent, lost := &l.gets, &l.lostGETs
	if rand.N(2) == 0 {
		method, content, want = http.MethodPost, "Content of a POST", "17\n"
		sent, lost = &l.posts, &l.lostPOSTs
	}
	sent.Add(1)
	fields := ""
	if content != "" {
		fields = fmt.Sprintf("Content-Type: text/plain\r\nContent-Length: %d\r\n", len(content))
	}
	got, err := c.ask(method, "/", fields, content)
	if err != nil || got.body != want {
		lost.Add(1)
		return false
	}
	return !got.Close
}

// call makes a call of admin HTTP.
func call(ctx context.Context, method, url, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", url, response.StatusCode, text)
	}
	return string(text), err
}
