package instancelog

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Query says which lines to read. Zero fields do not restrict them.
type Query struct {
	App      string
	Instance string // the first characters of its id
	Stream   string
	Since    time.Time
	Grep     *regexp.Regexp
	Tail     int // how many lines at most: the last ones
}

// maxRead bounds the bytes of the lines that are read at a time.
const maxRead = 16 << 20

// matches reports whether a line is asked for.
func (q *Query) matches(l *Line) bool {
	return (q.App == "" || l.App == q.App) && strings.HasPrefix(l.Instance, q.Instance) &&
		(q.Stream == "" || l.Stream == q.Stream) && !l.Time.Before(q.Since) &&
		(q.Grep == nil || q.Grep.MatchString(l.Text))
}

// Has reports whether there are lines of an instance. Of the query, App and Instance count.
func (s *Store) Has(q Query) bool {
	q = Query{App: q.App, Instance: q.Instance}
	if s.options.Dir != "" {
		return slices.ContainsFunc(s.list(), func(f stored) bool { return f.mayHave(&q) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.recent.lines, func(l Line) bool { return q.matches(&l) })
}

// Read returns lines of the past, oldest first.
func (s *Store) Read(q Query) []Line {
	lines, _ := s.open(q, false)
	return lines
}

// Follow returns lines of the past, oldest first, and a Follower that gets those that
// follow them. Call its Close when done.
func (s *Store) Follow(q Query) ([]Line, *Follower) { return s.open(q, true) }

// open is Follow, or Read.
func (s *Store) open(q Query, follow bool) (lines []Line, f *Follower) {
	s.mu.Lock()
	if follow {
		f = &Follower{store: s, query: q, ready: make(chan struct{}, 1), ended: make(chan struct{})}
		if s.readers[f] = struct{}{}; s.closed {
			f.endLocked()
		}
	}
	if s.options.Dir == "" || q.Tail <= 0 {
		recent := slices.Clone(s.recent.lines)
		s.mu.Unlock()
		return q.last(slices.DeleteFunc(recent, func(l Line) bool { return !q.matches(&l) })), f
	}
	// What is in the files now is the past; a Follower gets the rest.
	open := s.openLocked(&q)
	s.mu.Unlock()
	for _, o := range open {
		if len(lines) == q.Tail && o.stored.last.Before(lines[0].Time) {
			_ = o.file.Close() // all its lines, and those of the files after it, are older
			continue
		}
		lines = q.last(append(lines, o.read(&q)...))
	}
	return lines, f
}

// mayHave reports whether the file may have lines that are asked for.
func (f *stored) mayHave(q *Query) bool {
	return (q.App == "" || f.app == q.App) && strings.HasPrefix(f.instance, q.Instance) && !f.last.Before(q.Since)
}

// opened is a file that is read up to its size.
type opened struct {
	stored
	file *os.File
}

// openLocked opens the files that may have lines that are asked for.
func (s *Store) openLocked(q *Query) (all []opened) {
	for _, f := range s.list() {
		if !f.mayHave(q) {
			continue
		}
		if file, err := os.Open(f.path); err == nil { // else it was removed
			all = append(all, opened{f, file})
		}
	}
	return all
}

// read returns the lines of the file that are asked for, and closes it.
func (o *opened) read(q *Query) (lines []Line) {
	defer o.file.Close()
	data, err := io.ReadAll(io.LimitReader(o.file, o.size))
	if err != nil {
		return nil
	}
	for len(data) > 0 {
		raw, rest, whole := bytes.Cut(data, []byte("\n"))
		data = rest
		l, ok := parseLine(raw)
		if l.App, l.Instance = o.app, o.instance; ok && whole && q.matches(&l) {
			lines = append(lines, l)
		}
	}
	return q.last(lines)
}

// last returns the last of some lines, in the order of their times, as many as are asked
// for and within maxRead.
func (q *Query) last(lines []Line) []Line {
	slices.SortStableFunc(lines, func(a, b Line) int { return a.Time.Compare(b.Time) })
	size, first := 0, len(lines)
	for first > 0 && len(lines)-first < q.Tail && size < maxRead {
		first--
		size += len(lines[first].Text) + 64
	}
	return slices.Clone(lines[first:])
}
