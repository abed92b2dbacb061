package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
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
	reasons := startWatch(t, config.Name())
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
	reasons := make(chan string, 10)
	w := &configWatch{path: path, log: slog.New(slog.DiscardHandler), hangups: make(chan os.Signal)}
	w.reported = w.read()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, func(reason string) { reasons <- reason }) })
	defer running.Wait()
	defer cancel()
	feed := starve(t)
	_, _ = file.WriteString("minInstances: 1\n")
	w.hangups <- syscall.SIGHUP
	if told := <-reasons; told != "SIGHUP" {
		t.Errorf("told %q", told)
	}
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
