package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestConfigWatchInABusyFolder: a file beside the config file that is written all
// the time, a log say, neither keeps a change from being told nor tells one.
func TestConfigWatchInABusyFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("config.yaml", "minInstances: 1")
	reasons, stop := watchConfig(filepath.Join(dir, "config.yaml"), slog.New(slog.DiscardHandler))
	defer stop()
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
