package main

import (
	"strings"
	"sync"
)

// tail keeps the last few KiB written to it. Safe for concurrent use.
type tail struct {
	mu          sync.Mutex // guards all below
	text        []byte
	begin       []byte // the first bytes of the line being written
	collections int
}

// collectionLine is how a line begins that the Go runtime writes to stderr after
// each garbage collection under GODEBUG=gctrace=1 (package runtime says so).
const collectionLine = "gc "

func (t *tail) Write(p []byte) (int, error) {
	const limit = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(len(t.text)-limit, 0):]
	for _, b := range p { // the runtime writes its lines in pieces
		switch {
		case b == '\n':
			t.begin = t.begin[:0]
		case len(t.begin) < len(collectionLine):
			if t.begin = append(t.begin, b); string(t.begin) == collectionLine {
				t.collections++
			}
		}
	}
	return len(p), nil
}

// collected is how many garbage collections the text tells of.
func (t *tail) collected() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.collections
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
