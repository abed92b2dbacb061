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

// exhaustFiles makes opening a file fail in this process until restore is called.
func exhaustFiles(t *testing.T) (restore func()) {
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
	restore = func() { set(limit.Cur) }
	t.Cleanup(restore)
	return restore
}

// TestConfigWatchWithoutFiles: a config file that cannot be read because too many
// files are open causes no reload. A change in that time does once it can be read.
func TestConfigWatchWithoutFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
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
		case reason := <-reasons:
			t.Errorf("%s: reload for %q", when, reason)
		case <-time.After(4 * settleTime):
		}
	}
	restore := exhaustFiles(t)
	_, _ = other.WriteString("something happens\n")
	quiet("without files")
	restore()
	quiet("afterwards")
	restore = exhaustFiles(t)
	_, _ = config.WriteString("maxInstances: 3\n")
	quiet("changed without files")
	restore()
	select {
	case reason := <-reasons:
		if reason != "file changed" {
			t.Errorf("reload for %q", reason)
		}
	case <-time.After(within):
		t.Error("no reload for the change")
	}
}

// TestConfigWatchWithoutFilesOnSIGHUP: a file that could not be read on SIGHUP is
// read again later, also where files are not watched.
func TestConfigWatchWithoutFilesOnSIGHUP(t *testing.T) {
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
	restore := exhaustFiles(t)
	_, _ = file.WriteString("minInstances: 1\n")
	w.hangups <- syscall.SIGHUP
	if reason := <-reasons; reason != "SIGHUP" {
		t.Errorf("reload for %q", reason)
	}
	restore()
	select {
	case reason := <-reasons:
		if reason != "file changed" {
			t.Errorf("reload for %q", reason)
		}
	case <-time.After(within):
		t.Error("no reload for the change")
	}
}
