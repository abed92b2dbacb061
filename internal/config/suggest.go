package config

import "strings"

// nearest returns the key that was probably meant by a name that is not in the
// table, or "" if none is similar.
func nearest(name string, table []Key) string {
	best, bestDistance := "", -1
	try := func(candidate, shown string) {
		d, near := Distance(strings.ToLower(name), strings.ToLower(candidate))
		if near && (bestDistance < 0 || d < bestDistance) {
			best, bestDistance = shown, d
		}
	}
	var search func(parent string, table []Key)
	search = func(parent string, table []Key) {
		for _, k := range table {
			full, shown := k.Name, k.Name
			if parent != "" {
				full, shown = parent+"."+k.Name, k.Name+" under "+parent
			}
			try(full, shown)
			search(full, k.Keys)
		}
	}
	search("", table)
	return best
}

// Distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment). near reports whether
// there are so few that a typing error is likely: one, and one more per four
// bytes.
func Distance(a, b string) (d int, near bool) {
	limit := 1 + max(len(a), len(b))/4
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return 0, false
	}
	// Three rows of the table: row[j] is the distance of a[:i] to b[:j].
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := last[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			row[j] = min(last[j]+1, row[j-1]+1, substitute)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)], row[len(b)] <= limit
}
