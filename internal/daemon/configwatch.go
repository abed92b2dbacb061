package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long the content of a config file must stay the same before a
// change counts. An editor may empty the file first and write it then, and an empty
// file is a valid config. 250 ms is longer than that takes, and short for a person.
const settleTime = 250 * time.Millisecond

// configWatch asks for a reload on SIGHUP, on a request, and when the content of the config
// file, or of a file that the config names, has changed. A content that a reload on SIGHUP or
// on a request loads is no change any more. It watches the folders that the file is in: editors and Kubernetes'
// ConfigMaps replace the file, or the link to it, and do not write to it.
type configWatch struct {
	path     string
	others   func() []string // the files that the config names; nil: none
	log      *slog.Logger
	hangups  chan os.Signal
	requests chan string       // reasons; capacity 1
	watcher  *fsnotify.Watcher // nil where files cannot be watched
	reported content           // the content of the last reload, or of the start
	known    map[string]string // the contents of others then, by path
	noFiles  bool              // the last read failed because too many files were open
}

// content is what a read of the config file finds.
type content struct {
	text    string
	problem string // why it cannot be read; perhaps it does not exist
}

// newConfigWatch watches the file at path from now on; run reports its changes.
// Where files cannot be watched, the log says so, and SIGHUP remains. The caller
// calls close when run has returned.
func newConfigWatch(path string, log *slog.Logger) *configWatch {
	w := &configWatch{path: path, log: log, hangups: make(chan os.Signal, 1), requests: make(chan string, 1)}
	w.reported = w.read()
	var err error
	if w.watcher, err = fsnotify.NewWatcher(); err == nil {
		err = w.addFolders()
	}
	if err != nil {
		log.Warn("cannot watch the config file; send SIGHUP after a change", "error", err)
	}
	signal.Notify(w.hangups, syscall.SIGHUP)
	return w
}

// request has run ask for a reload. It does not block: if a request is pending, one reload
// serves both.
func (w *configWatch) request(reason string) {
	select {
	case w.requests <- reason:
	default:
	}
}

// close releases what newConfigWatch has taken.
func (w *configWatch) close() {
	signal.Stop(w.hangups)
	if w.watcher != nil {
		_ = w.watcher.Close() // nothing is lost by a failure
	}
}

// addFolders watches the folders of the files, and those of the files they link to.
func (w *configWatch) addFolders() error {
	var folders []string
	for _, path := range append([]string{w.path}, w.otherPaths()...) {
		folders = append(folders, filepath.Dir(path))
		if target, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
	}
	for _, folder := range folders {
		if err := w.watcher.Add(folder); err != nil {
			return fmt.Errorf("watch %s: %w", folder, err)
		}
	}
	return nil
}

// run calls reload with a reason whenever the file should be loaded again, until
// ctx ends. reload must not block for long.
func (w *configWatch) run(ctx context.Context, reload func(reason string)) {
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.watcher != nil {
		events, failures = w.watcher.Events, w.watcher.Errors
	}
	var seen content
	var seenOthers map[string]string
	var settled <-chan time.Time // nil: no event is pending
	// An event may be about any file: a link on the way to ours may have any name.
	schedule := func() {
		if settled == nil {
			seen, seenOthers, settled = w.read(), w.readOthers(), time.After(settleTime)
		}
	}
	schedule() // which learns the other files
	demand := func(reason string) {
		w.reported, w.known, settled = w.read(), w.readOthers(), nil
		reload(reason)
		schedule() // for other files that the config names now, and after a read that shows no change even if there is one
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.hangups:
			demand("SIGHUP")
		case reason := <-w.requests:
			demand(reason)
		case <-events:
			schedule()
		case err := <-failures: // events were lost
			w.log.Debug("config watch", "error", err)
			schedule()
		case <-settled:
			settled = nil
			if w.watcher != nil {
				_ = w.addFolders() // the link may have another target now
			}
			now, others := w.read(), w.readOthers()
			changed := now != w.reported || differ(w.known, others)
			switch {
			case w.noFiles, now != seen, !maps.Equal(others, seenOthers):
				schedule()
			case changed:
				w.reported, w.known = now, others
				reload("file changed")
				schedule()
			default:
				w.known = others
			}
		}
	}
}

// read reads the file. A file that cannot be read is a change like any other: the
// reload then reports the problem. But when too many files are open, nothing is
// known about the file, and read returns what was reported last.
func (w *configWatch) read() content {
	var text []byte
	err := watchable(w.path)
	if err == nil {
		text, err = os.ReadFile(w.path)
	}
	w.noFiles = errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
	switch {
	case w.noFiles:
		return w.reported
	case err != nil:
		return content{problem: err.Error()}
	default:
		return content{text: string(text)}
	}
}

// otherPaths returns the files that the config names.
func (w *configWatch) otherPaths() []string {
	if w.others == nil {
		return nil
	}
	return w.others()
}

// readOthers returns the contents of the files that the config names. What cannot be read
// has none: the reload then reports the problem.
func (w *configWatch) readOthers() map[string]string {
	all := map[string]string{}
	for _, path := range w.otherPaths() {
		text, _ := os.ReadFile(path)
		all[path] = string(text)
	}
	return all
}

// differ reports whether the content of a file in both has changed. Another file is one of
// another config, which was loaded with the files that it names.
func differ(before, now map[string]string) bool {
	for path, text := range now {
		if old, known := before[path]; known && old != text {
			return true
		}
	}
	return false
}

// watchable returns an error if path names something that cannot be read again and
// again, such as a pipe or a terminal. To open one of these might block, so it
// opens nothing.
func watchable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() && path != os.DevNull {
		return fmt.Errorf("%s is not a regular file: serve reads its config again when it changes; give it a regular file", path)
	}
	return nil // reading a missing file or a folder fails at once
}
