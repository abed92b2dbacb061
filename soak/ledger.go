package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A ledger records which instances carried out which POST: for each id the
// processes that did.
type ledger map[string][]string

// readLedger reads the files in dir, one per instance, with a line "id pid" for
// each POST.
func readLedger(dir string) (ledger, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	l := ledger{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			id, pid, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if !ok || !strings.HasSuffix(line, "\n") {
				return nil, fmt.Errorf("read ledger: %s has the line %q, not an id and a pid", file.Name(), line)
			}
			l[id] = append(l[id], pid)
		}
	}
	return l, nil
}

// twice returns the ids that were carried out more than once, in order.
func (l ledger) twice() []string {
	var ids []string
	for id, pids := range l {
		if len(pids) > 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// missing returns which of ids were never carried out.
func (l ledger) missing(ids []string) []string {
	var out []string
	for _, id := range ids {
		if len(l[id]) == 0 {
			out = append(out, id)
		}
	}
	return out
}
