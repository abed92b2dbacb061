package instancelog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// tidyInterval is how often files that are too old or too many are removed. They are
	// also when one was rotated.
	tidyInterval = time.Minute
	// maxFiles bounds the number of files: an app that ends at once is started up to once a
	// second without end.
	maxFiles = 500
)

// tidy removes files until Close.
func (s *Store) tidy() {
	defer close(s.done)
	if s.options.Dir == "" {
		<-s.ending
		return
	}
	tick := time.NewTicker(tidyInterval)
	defer tick.Stop()
	for {
		s.closeIdle(time.Now())
		s.remove(time.Now())
		select {
		case <-tick.C:
		case <-s.rotated:
		case <-s.ending:
			return
		}
	}
}

// closeIdle closes the files of instances that have been silent.
func (s *Store) closeIdle(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, f := range s.files {
		if now.Sub(f.last) > idleFile {
			_ = f.Close() // all was written
			delete(s.files, path)
		}
	}
}

// stored is a file in the folder.
type stored struct {
	path          string
	app, instance string
	size          int64
	last          time.Time // of its last line, about
}

// list returns the files, those with the newest lines first.
func (s *Store) list() []stored {
	var all []stored
	apps, _ := os.ReadDir(s.options.Dir) // what cannot be read has no lines
	for _, app := range apps {
		folder := filepath.Join(s.options.Dir, app.Name())
		files, _ := os.ReadDir(folder)
		for _, file := range files {
			info, err := os.Stat(filepath.Join(folder, file.Name()))
			if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(file.Name(), suffix) {
				continue
			}
			name := strings.TrimSuffix(strings.TrimSuffix(file.Name(), suffix), ".1")
			all = append(all, stored{filepath.Join(folder, file.Name()), app.Name(), name, info.Size(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return b.last.Compare(a.last) })
	return all
}

// makeRoomLocked removes the file whose last line is the oldest, unless it is written. It
// tries once a second at most, and reports whether it did.
func (s *Store) makeRoomLocked() bool {
	if time.Since(s.full) < time.Second {
		return false
	}
	s.full = time.Now()
	for _, f := range slices.Backward(s.list()) {
		if s.files[f.path] == nil {
			return os.Remove(f.path) == nil
		}
	}
	return false
}

// remove removes the files that are too old, and the oldest of those that are too many.
func (s *Store) remove(now time.Time) {
	total := int64(0)
	for i, f := range s.list() {
		total += f.size
		if now.Sub(f.last) <= s.options.MaxAge && total <= s.options.MaxTotal && i < maxFiles {
			continue
		}
		if s.removeFile(f.path) {
			total -= f.size
		}
	}
}

// removeFile removes a file unless it is being written, and reports whether it did.
func (s *Store) removeFile(path string) bool {
	s.mu.Lock() // a line that is written meanwhile would be lost
	defer s.mu.Unlock()
	if s.files[path] != nil {
		return false
	}
	if err := os.Remove(path); err != nil {
		s.options.Log.Warn("remove log of an instance", "error", err)
		return false
	}
	_ = os.Remove(filepath.Dir(path)) // fails unless it was the last one of the app
	return true
}
