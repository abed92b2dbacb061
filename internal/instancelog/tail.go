package instancelog

// tail is the last of some lines, oldest first.
type tail struct {
	lines []Line
	size  int // bytes of their texts
}

// add adds a line, and removes the oldest ones while there are more than maxLines, or more
// than maxBytes in several lines. It returns how many it has removed.
func (t *tail) add(l Line, maxLines, maxBytes int) (removed uint64) {
	t.lines = append(t.lines, l)
	t.size += len(l.Text)
	for len(t.lines) > maxLines || t.size > maxBytes && len(t.lines) > 1 {
		t.size -= len(t.lines[0].Text)
		t.lines[0] = Line{}
		t.lines = t.lines[1:]
		removed++
	}
	return removed
}
