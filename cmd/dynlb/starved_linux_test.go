package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// starve has this process open no file more, until feed is called.
func starve(t *testing.T) (feed func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	set := func(n uint64) {
		t.Helper()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
	}
	set(0)
	feed = func() { set(limit.Cur) }
	t.Cleanup(feed)
	return feed
}

// TestConfigWatchStarved: a config file that cannot be read for want of
// descriptors has not changed; a change meanwhile is told when there are some.
func TestConfigWatchStarved(t *testing.T) {
	dir := t.TempDir()
	create := func(name, content string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if _, err := f.WriteString(content); err != nil {
			t.Fatal(err)
		}
		return f
	}
	config, other := create("config.yaml", "minInstances: 1\n"), create("app.log", "")
	reasons, stop := watchConfig(config.Name(), slog.New(slog.DiscardHandler))
	defer stop()
	quiet := func(when string) {
		t.Helper()
		select {
		case told := <-reasons:
			t.Errorf("%s: told %q", when, told)
		case <-time.After(4 * settleTime):
		}
	}
	feed := starve(t)
	_, _ = other.WriteString("something happens\n")
	quiet("starved")
	feed()
	quiet("afterwards")
	feed = starve(t)
	_, _ = config.WriteString("maxInstances: 3\n")
	quiet("changed while starved")
	feed()
	select {
	case told := <-reasons:
		if told != "file changed" {
			t.Errorf("told %q", told)
		}
	case <-time.After(within):
		t.Error("the change was not told")
	}
}

// TestConfigWatchStarvedOnSIGHUP: a file that could not be read when SIGHUP came is
// looked at again, also where files are not watched.
func TestConfigWatchStarvedOnSIGHUP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := &configWatch{path: path, log: slog.New(slog.DiscardHandler), reasons: make(chan string)}
	w.content = w.look()
	hangups := make(chan os.Signal)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, hangups) })
	defer running.Wait()
	defer cancel()
	feed := starve(t)
	_, _ = file.WriteString("minInstances: 1\n")
	hangups <- syscall.SIGHUP
	if told := <-w.reasons; told != "SIGHUP" {
		t.Errorf("told %q", told)
	}
	feed()
	select {
	case told := <-w.reasons:
		if told != "file changed" {
			t.Errorf("told %q", told)
		}
	case <-time.After(within):
		t.Error("the change was not told")
	}
}

// TestFewOpenFiles: with few open files the clients that there is no room for
// wait; none is turned away, health checks do not fail, and the pool grows.
func TestFewOpenFiles(t *testing.T) {
	const clients = 150
	file := filepath.Join(t.TempDir(), "config.yaml")
	yaml := "maxInstances: 4\ncheckInterval: 200ms\n" + listenAnywhere(portRange())
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := &safeBuffer{}
	cmd := exec.Command("sh", "-c", `ulimit -n 200 && exec "$0" serve --config "$1"`, self, file)
	cmd.Env = append(os.Environ(), asDynlb+"=1", "GOMAXPROCS=2") // each has an event loop
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%v: %s", err, log)
		}
	}()
	var url string
	eventually(t, "it serves", func() bool {
		for line := range strings.Lines(log.String()) {
			var entry struct{ Msg, Listen string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				url = "http://" + entry.Listen
			}
		}
		return url != ""
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range 2 {
				response, err := client.Get(url + "/slow?ms=300")
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("%d %s", response.StatusCode, body)
				}
			}
		})
	}
	all.Wait()
	for _, unwanted := range []string{"too many open files", "health check failed", "instance failed"} {
		if strings.Contains(log.String(), unwanted) {
			t.Errorf("the log says %q", unwanted)
		}
	}
	for _, want := range []string{`"to":4`, "few files may be open"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
}
