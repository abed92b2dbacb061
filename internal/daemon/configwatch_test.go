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
func startWatch(t *testing.T, path string) <-chan string {
	t.Helper()
	w := newConfigWatch(path, slog.New(slog.DiscardHandler))
	reasons := make(chan string, 10)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, func(reason string) { reasons <- reason }) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		w.close()
	})
	return reasons
}

// TestConfigWatchInABusyFolder: a file beside the config file that is written all
// the time, a log say, neither keeps a change from being told nor tells one.
func TestConfigWatchInABusyFolder(t *testing.T) {
	t.Parallel()
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
	await := func(ticks int) (told string) {
		for ; ticks != 0; ticks-- {
			select {
			case told = <-reasons:
				return told
			case <-busy.C:
				write("app.log", time.Now().String())
			case <-deadline:
				t.Fatal("no change was told")
			}
		}
		return ""
	}
	if told := await(20); told != "" {
		t.Fatalf("told %q, and nothing had changed", told)
	}
	write("config.yaml", "minInstances: 2")
	if told := await(-1); told != "file changed" {
		t.Errorf("told %q", told)
	}
	if told := await(20); told != "" {
		t.Errorf("told %q a second time", told)
	}
}

// TestConfigWatchTellsTrouble: that there is something in place of the file which
// cannot be read is told, and only once, and a pipe is not waited for.
func TestConfigWatchTellsTrouble(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	become := func(target string) { // in one step
		t.Helper()
		if err := errors.Join(os.Symlink(target, path("next")), os.Rename(path("next"), path("config.yaml"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.WriteFile(path("file"), []byte("minInstances: 1"), 0o600),
		os.WriteFile(path("secret"), nil, 0), // root reads it, and finds it empty
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
		case told := <-reasons:
			if told != "file changed" {
				t.Errorf("%s: told %q", target, told)
			}
		case <-time.After(within):
			t.Fatalf("%s: no change was told", target)
		}
		if err := os.WriteFile(path("other"), []byte(target), 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case told := <-reasons:
			t.Errorf("%s: told %q a second time", target, told)
		case <-time.After(4 * settleTime):
		}
	}
}

// TestConfigWatchStarvedNoMore: the want of descriptors ends with the next look,
// whatever that finds.
func TestConfigWatchStarvedNoMore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &configWatch{path: path, noFiles: true}
	w.read()
	if w.noFiles {
		t.Error("it would look again for ever")
	}
}

// TestWatchable: an empty config is a config.
func TestWatchable(t *testing.T) {
	t.Parallel()
	if err := watchable(os.DevNull); err != nil {
		t.Error(err)
	}
}
