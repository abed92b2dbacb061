package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long the content of a config file must stay the same before it
// counts: an editor may empty the file first and write it then, and an empty one
// means the defaults.
const settleTime = 250 * time.Millisecond

// configWatch tells when a config file is to be read again: on SIGHUP, and when
// its content has changed. It watches the folders that the file is in, as editors
// and Kubernetes' ConfigMaps replace the file, or the link to it, and do not
// write to it.
type configWatch struct {
	path    string
	log     *slog.Logger
	watcher *fsnotify.Watcher // nil when files cannot be watched
	content content           // what was told last, or was there at the beginning
	starved bool              // the file could not be read for want of descriptors
	reasons chan string
}

// content is what a look at a file shows.
type content struct {
	text    string
	trouble string // why it cannot be read; perhaps it does not exist
}

// watchConfig begins to watch the file at path, until stop is called. A value of
// reasons says why the file is to be read. Where files cannot be watched, the log
// says so, and SIGHUP remains.
func watchConfig(path string, log *slog.Logger) (reasons <-chan string, stop func()) {
	w := &configWatch{path: path, log: log, reasons: make(chan string)}
	w.content = w.look()
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
	var seen content
	var settled <-chan time.Time // nil while nothing has happened
	happened := func() {         // perhaps to another file: a link on the way to ours may have any name
		if settled == nil {
			seen, settled = w.look(), time.After(settleTime)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			w.content, settled = w.look(), nil
			w.tell(ctx, "SIGHUP")
			if w.starved { // then a change was not seen
				happened()
			}
		case <-events:
			happened()
		case err := <-failures: // an overflow
			w.log.Debug("config watch", "error", err)
			happened()
		case <-settled:
			settled = nil
			if w.watcher != nil {
				_ = w.addFolders() // a link may lead elsewhere now
			}
			switch now := w.look(); {
			case w.starved, now != seen:
				happened()
			case now != w.content:
				w.content = now
				w.tell(ctx, "file changed")
			}
		}
	}
}

// look reads the file. That it cannot be read is told like any other change: the
// one who reads it then says why. Only for want of descriptors it has not changed.
func (w *configWatch) look() content {
	var text []byte
	err := watchable(w.path)
	if err == nil {
		text, err = os.ReadFile(w.path)
	}
	w.starved = errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
	switch {
	case w.starved:
		return w.content
	case err != nil:
		return content{trouble: err.Error()}
	default:
		return content{text: string(text)}
	}
}

// watchable returns an error if there is something at path that cannot be read again
// and again. A pipe would not let go before somebody writes, a terminal before
// somebody types; they are not even opened.
func watchable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() && path != os.DevNull {
		return fmt.Errorf("%s: serve reads its config again when it changes; give it a regular file", path)
	}
	return nil // to read what is not there, or a folder, fails at once
}

func (w *configWatch) tell(ctx context.Context, why string) {
	select {
	case w.reasons <- why:
	case <-ctx.Done():
	}
}
