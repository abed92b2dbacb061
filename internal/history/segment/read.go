package segment

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// First returns the time of the oldest record. ok is false if there is none.
func (l *Log) First() (at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.segments {
		if !p.first.IsZero() {
			return p.first, true
		}
	}
	return time.Time{}, false
}

// Seek returns a position before all records of a time and later ones: at most the
// records of one file are between.
func (l *Log) Seek(at time.Time) Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := Position{}
	for _, p := range l.segments {
		if p.first.IsZero() || p.first.After(at) {
			break
		}
		from = Position{Segment: p.number}
	}
	return from
}

// Read calls f with each record from a position on, oldest first, until it returns false
// or there is none. Records that are appended meanwhile may be missing. Those that are
// damaged, and those after them in the same file, are left out.
func (l *Log) Read(from Position, f func(Record) bool) error {
	for _, p := range l.snapshot() {
		if p.number < from.Segment {
			continue
		}
		at := int64(0)
		if p.number == from.Segment {
			at = from.Offset
		}
		data, err := p.read()
		if err != nil {
			return err
		}
		for at < int64(len(data)) {
			r, ok := recordAt(data, p.number, at)
			if !ok {
				break
			}
			if !f(r) {
				return nil
			}
			at = r.Next.Offset
		}
	}
	return nil
}

// ReadBack calls f with each record before a position, newest first, until it returns
// false or there is none. The zero position is the end here.
func (l *Log) ReadBack(before Position, f func(Record) bool) error {
	for _, p := range slices.Backward(l.snapshot()) {
		if before != (Position{}) && p.number > before.Segment {
			continue
		}
		data, err := p.read()
		if err != nil {
			return err
		}
		if p.number == before.Segment {
			data = data[:min(int64(len(data)), max(0, before.Offset))]
		}
		var offsets []int64
		for at := int64(0); at < int64(len(data)); {
			r, ok := recordAt(data, p.number, at)
			if !ok {
				break
			}
			offsets = append(offsets, at)
			at = r.Next.Offset
		}
		for _, at := range slices.Backward(offsets) {
			if r, _ := recordAt(data, p.number, at); !f(r) {
				return nil
			}
		}
	}
	return nil
}

// recordAt returns the record at an offset of a part. ok is false if it is damaged.
func recordAt(data []byte, number uint64, at int64) (r Record, ok bool) {
	if at < 0 || at > int64(len(data)) {
		return Record{}, false
	}
	when, payload, size := parseRecord(data[at:])
	if size == 0 {
		return Record{}, false
	}
	return Record{Time: when, Payload: payload, At: Position{number, at}, Next: Position{number, at + int64(size)}}, true
}

// snapshot returns the parts as they are now.
func (l *Log) snapshot() []part {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]part, len(l.segments))
	for i, p := range l.segments {
		all[i] = *p
	}
	return all
}

// read returns the content of a part. It is empty if the part was forgotten meanwhile.
func (p *part) read() ([]byte, error) {
	if p.path == "" {
		return p.data[:p.size:p.size], nil
	}
	data, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return data[:min(int64(len(data)), p.size)], nil
}
