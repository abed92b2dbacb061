package measure

import "time"

// Saved are the counts of a Histogram, for another process.
type Saved struct {
	// Cells is how many cells there are: a process with another number has other bounds.
	Cells int `json:"cells"`
	// Counts are the cells that are not empty.
	Counts map[int]uint64 `json:"counts,omitempty"`
	Sum    time.Duration  `json:"sum,omitempty"`
}

// Save returns what was counted, for Restore. Exemplars are not saved.
func (h *Histogram) Save() Saved {
	v := h.Values()
	s := Saved{Cells: cellCount, Sum: v.Sum}
	for i, n := range &v.counts {
		if n > 0 {
			if s.Counts == nil {
				s.Counts = map[int]uint64{}
			}
			s.Counts[i] = n
		}
	}
	return s
}

// Restore adds what another process has counted. Counts with other bounds are ignored.
func (h *Histogram) Restore(s Saved) {
	if s.Cells != cellCount || len(s.Counts) == 0 {
		return
	}
	c := h.shard(0)
	for i, n := range s.Counts {
		if i >= 0 && i < cellCount {
			c.counts[i].Add(n)
		}
	}
	c.sum.Add(int64(s.Sum))
}
