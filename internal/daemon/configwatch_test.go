package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// within bounds every wait.
const within = 30 * time.Second

// startWatch watches a config file until the test ends, and returns the reasons of
// the reloads that it asks for.
func startWatch(t *testing.T, path string, others ...string) <-chan string {
	t.Helper()
	_, reasons := startRequests(t, path, others...)
	return reasons
}

// startRequests is startWatch that returns the watch, too.
func startRequests(t *testing.T, path string, others ...string) (*configWatch, <-chan string) {
	t.Helper()
	w := newConfigWatch(path, slog.New(slog.DiscardHandler))
	w.others = func() []string { return others }
	reasons := make(chan string, 10)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, func(reason string) { reasons <- reason }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		w.close()
	})
	return w, reasons
}

// TestConfigWatchRequest: a change that a request has loaded causes no other reload.
func TestConfigWatchRequest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	w, reasons := startRequests(t, path)
	for _, content := range []string{"minInstances: 1", "minInstances: 2"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		w.request("call")
		if reason := <-reasons; reason != "call" {
			t.Errorf("reload for %q", reason)
		}
		select {
		case reason := <-reasons:
			t.Errorf("a second reload for %q", reason)
		case <-time.After(4 * settleTime):
		}
	}
}

// TestConfigWatchInABusyFolder: a file beside the config file that is written
// continuously, such as a log, neither hides a change nor causes a reload.
func TestConfigWatchInABusyFolder(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("config.yaml", "minInstances: 1")
	reasons := startWatch(t, filepath.Join(dir, "config.yaml"))
	busy := time.NewTicker(settleTime / 5)
	defer busy.Stop()
	deadline := time.After(30 * time.Second)
	await := func(ticks int) (reason string) {
		for ; ticks != 0; ticks-- {
			select {
			case reason = <-reasons:
				return reason
			case <-busy.C:
				write("app.log", time.Now().String())
			case <-deadline:
				t.Fatal("no reload")
			}
		}
		return ""
	}
	if reason := await(20); reason != "" {
		t.Fatalf("reload for %q, and nothing had changed", reason)
	}
	write("config.yaml", "minInstances: 2")
	if reason := await(-1); reason != "file changed" {
		t.Errorf("reload for %q", reason)
	}
	if reason := await(20); reason != "" {
		t.Errorf("a second reload for %q", reason)
	}
}

// TestConfigWatchReportsUnreadableFile: something unreadable in place of the file
// causes one reload, and a pipe does not block the watch.
func TestConfigWatchReportsUnreadableFile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	become := func(target string) { // atomically
		t.Helper()
		if err := errors.Join(os.Symlink(target, path("next")), os.Rename(path("next"), path("config.yaml"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.WriteFile(path("file"), []byte("minInstances: 1"), 0o600),
		os.WriteFile(path("secret"), nil, 0), // root can read it: it is empty
		os.Mkdir(path("folder"), 0o700),
		syscall.Mkfifo(path("pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	become("file")
	reasons := startWatch(t, path("config.yaml"))
	for _, target := range []string{"secret", "folder", "pipe", "config.yaml", "file"} {
		become(target)
		select {
		case reason := <-reasons:
			if reason != "file changed" {
				t.Errorf("%s: reload for %q", target, reason)
			}
		case <-time.After(within):
			t.Fatalf("%s: no reload", target)
		}
		if err := os.WriteFile(path("other"), []byte(target), 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case reason := <-reasons:
			t.Errorf("%s: a second reload for %q", target, reason)
		case <-time.After(4 * settleTime):
		}
	}
}

// TestConfigWatchFilesAvailableAgain: any read that needs no descriptor, or gets one,
// ends the state of too many open files.
func TestConfigWatchFilesAvailableAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &configWatch{path: path, noFiles: true}
	w.read()
	if w.noFiles {
		t.Error("the watch would retry without end")
	}
}

// TestWatchable: /dev/null, an empty config, can be watched.
func TestWatchable(t *testing.T) {
	t.Parallel()
	if err := watchable(os.DevNull); err != nil {
		t.Error(err)
	}
}
