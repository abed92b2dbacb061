package measure

import (
	"sync/atomic"
	"time"
)

// Histogram counts durations. The zero value is empty. It is safe for concurrent use.
type Histogram struct {
	shards    [Shards]atomic.Pointer[cells] // made at first use
	exemplars atomic.Pointer[exemplars]     // made at first use
}

// cells are the counts of one shard.
type cells struct {
	_      [cacheLine]byte
	counts [cellCount]atomic.Uint64
	sum    atomic.Int64
	_      [cacheLine]byte
}

// exemplars has the last exemplar of each cell.
type exemplars [cellCount]atomic.Pointer[Exemplar]

// Exemplar is one duration that was counted, with the trace that shows it.
type Exemplar struct {
	Value   time.Duration
	Time    time.Time
	TraceID string // in hexadecimal digits
}

// Observe counts a duration. The shard is any number: callers with different ones do not
// slow each other down.
func (h *Histogram) Observe(shard int, d time.Duration) {
	c := h.shard(shard)
	c.counts[cellOf(d)].Add(1)
	c.sum.Add(int64(d))
}

// shard returns the counts of a shard.
func (h *Histogram) shard(number int) *cells {
	at := &h.shards[index(number)]
	c := at.Load()
	if c == nil {
		c = new(cells)
		if !at.CompareAndSwap(nil, c) {
			c = at.Load()
		}
	}
	return c
}

// Exemplify keeps an exemplar for the bucket of its value, in place of the one before.
func (h *Histogram) Exemplify(e Exemplar) {
	kept := h.exemplars.Load()
	if kept == nil {
		kept = new(exemplars)
		if !h.exemplars.CompareAndSwap(nil, kept) {
			kept = h.exemplars.Load()
		}
	}
	kept[cellOf(e.Value)].Store(&e)
}

// Values returns what was counted.
func (h *Histogram) Values() Values {
	var v Values
	for i := range h.shards {
		c := h.shards[i].Load()
		if c == nil {
			continue
		}
		for at := range c.counts {
			n := c.counts[at].Load()
			v.counts[at] += n
			v.Count += n
		}
		v.Sum += time.Duration(c.sum.Load())
	}
	v.exemplars = h.exemplars.Load()
	return v
}

// Values are the durations that a Histogram has counted.
type Values struct {
	Count uint64
	Sum   time.Duration

	counts    [cellCount]uint64
	exemplars *exemplars
}

// Add adds n durations of zero.
func (v *Values) Add(n uint64) {
	v.counts[0] += n
	v.Count += n
}

// Within returns how many durations are not longer than a bound of Classic.
func (v *Values) Within(bound time.Duration) (n uint64) {
	for i := range cellTable {
		if cellTable[i].bound > bound {
			break
		}
		n += v.counts[i]
	}
	return n
}

// Zeros returns the number of durations in the zero bucket, and its upper bound.
func (v *Values) Zeros() (n uint64, bound time.Duration) {
	return v.counts[0], cellTable[0].bound
}

// Bucket is one bucket of a native histogram that is not empty.
type Bucket struct {
	Index int
	Count uint64
}

// Buckets returns the native buckets that are not empty, in the order of their indexes.
func (v *Values) Buckets() (out []Bucket) {
	for i := 1; i < cellCount; i++ {
		n, bucket := v.counts[i], cellTable[i].bucket
		switch last := len(out) - 1; {
		case n == 0:
		case last >= 0 && out[last].Index == bucket:
			out[last].Count += n
		default:
			out = append(out, Bucket{bucket, n})
		}
	}
	return out
}

// Exemplars returns the exemplars, one at most for each part of a bucket, in the order of
// their values.
func (v *Values) Exemplars() (out []Exemplar) {
	if v.exemplars == nil {
		return nil
	}
	for i := range v.exemplars {
		if e := v.exemplars[i].Load(); e != nil {
			out = append(out, *e)
		}
	}
	return out
}
