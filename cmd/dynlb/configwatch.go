package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a config file must be left alone before it is read: an
// editor may empty it first and write it then, and an empty one means the
// defaults.
const settleTime = 250 * time.Millisecond

// configWatch tells when a config file is to be read again: on SIGHUP, and when
// its content has changed. It watches the folders that the file is in, as editors
// and Kubernetes' ConfigMaps replace the file, or the link to it, and do not
// write to it.
type configWatch struct {
	path    string
	log     *slog.Logger
	watcher *fsnotify.Watcher // nil when files cannot be watched
	content []byte            // of the file when it was last looked at; nil when it was not there
	reasons chan string
}

// watchConfig begins to watch the file at path, until stop is called. A value of
// reasons says why the file is to be read. Where files cannot be watched, the log
// says so, and SIGHUP remains.
func watchConfig(path string, log *slog.Logger) (reasons <-chan string, stop func()) {
	w := &configWatch{path: path, log: log, reasons: make(chan string)}
	w.content, _ = os.ReadFile(path) // it may be missing
	var err error
	if w.watcher, err = fsnotify.NewWatcher(); err == nil {
		err = w.addFolders()
	}
	if err != nil {
		log.Warn("config file is not watched; send SIGHUP after a change", "error", err)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with stop, which waits
		defer close(done)
		w.run(ctx, hangups)
	}()
	return w.reasons, func() {
		signal.Stop(hangups)
		cancel()
		<-done
		if w.watcher != nil {
			_ = w.watcher.Close() // nothing is lost by it
		}
	}
}

// addFolders watches the folder that the file is in, and that of the file it is a
// link to.
func (w *configWatch) addFolders() error {
	folders := []string{filepath.Dir(w.path)}
	if target, err := filepath.EvalSymlinks(w.path); err == nil {
		folders = append(folders, filepath.Dir(target))
	}
	for _, folder := range folders {
		if err := w.watcher.Add(folder); err != nil {
			return fmt.Errorf("watch %s: %w", folder, err)
		}
	}
	return nil
}

func (w *configWatch) run(ctx context.Context, hangups <-chan os.Signal) {
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.watcher != nil {
		events, failures = w.watcher.Events, w.watcher.Errors
	}
	settled := time.NewTimer(0)
	settled.Stop()
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			settled.Stop()
			w.changed()
			w.tell(ctx, "SIGHUP")
		case <-events: // of any file: a link on the way to ours may have another name
			settled.Reset(settleTime)
		case err := <-failures: // an overflow: something has happened
			w.log.Debug("config watch", "error", err)
			settled.Reset(settleTime)
		case <-settled.C:
			_ = w.addFolders() // a link may lead elsewhere now
			if w.changed() {
				w.tell(ctx, "file changed")
			}
		}
	}
}

// changed reports whether the content is another than it was.
func (w *configWatch) changed() bool {
	content, _ := os.ReadFile(w.path)
	if content != nil && w.content != nil && bytes.Equal(content, w.content) || content == nil && w.content == nil {
		return false
	}
	w.content = content
	return true
}

func (w *configWatch) tell(ctx context.Context, why string) {
	select {
	case w.reasons <- why:
	case <-ctx.Done():
	}
}
