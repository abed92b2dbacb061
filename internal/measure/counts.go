package measure

import (
	"strconv"
	"strings"
	"time"
)

// Counts are numbers that only rise, by their names. They pass what one process has counted
// to another one.
type Counts map[string]uint64

// Since returns what was counted after before. Nil: nothing.
func (c Counts) Since(before Counts) (more Counts) {
	for name, n := range c {
		if n > before[name] {
			if more == nil {
				more = Counts{}
			}
			more[name] = n - before[name]
		}
	}
	return more
}

// The names of the counts of a Histogram: the sum in nanoseconds, and cells of so many, by
// their index. A process with another number of cells has other bounds.
var (
	sumName    = "sum"
	cellPrefix = strconv.Itoa(cellCount) + "/"
)

// Counts calls put with what was counted, by names for Add. Exemplars are not among it.
func (h *Histogram) Counts(put func(name string, n uint64)) {
	v := h.Values()
	if v.Sum > 0 {
		put(sumName, uint64(v.Sum))
	}
	for i, n := range &v.counts {
		if n > 0 {
			put(cellPrefix+strconv.Itoa(i), n)
		}
	}
}

// Add adds what another process has counted. A name that is not one of Counts is ignored.
func (h *Histogram) Add(name string, n uint64) {
	if name == sumName {
		h.shard(0).sum.Add(int64(time.Duration(n)))
		return
	}
	rest, ok := strings.CutPrefix(name, cellPrefix)
	if i, err := strconv.Atoi(rest); ok && err == nil && i >= 0 && i < cellCount {
		h.shard(0).counts[i].Add(n)
	}
}
