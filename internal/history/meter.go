package history

import (
	"maps"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// The buckets of durations: for each power of two of microseconds there are eight, so a
// duration is known to 6 %. The last one is for all from 2^27 µs (134 s) on.
const (
	perOctave = 8
	octaves   = 28
	buckets   = perOctave * octaves
)

// Meter counts the requests of an app between two samples. Each event loop adds to counts
// of its own. Its methods are safe for concurrent use.
type Meter struct {
	shards [measure.Shards]atomic.Pointer[shard] // made at first use
}

// shard has the counts of one shard.
type shard struct {
	_       [cacheLine]byte
	classes [5]atomic.Uint32 // 1xx to 5xx
	sources [4]atomic.Uint32 // by outcome.Source
	times   [buckets]atomic.Uint32
	_       [cacheLine]byte
}

// cacheLine is the size of a cache line, on amd64 and most of arm64.
const cacheLine = 64

// Record counts a request. It takes some nanoseconds, and does not allocate after the first
// one of a shard.
func (m *Meter) Record(o *outcome.Outcome) {
	at := &m.shards[uint(o.Shard)%measure.Shards]
	s := at.Load()
	if s == nil {
		s = new(shard)
		if !at.CompareAndSwap(nil, s) {
			s = at.Load()
		}
	}
	if class := o.Code/100 - 1; class >= 0 && class < len(s.classes) {
		s.classes[class].Add(1)
	}
	if int(o.Source) < len(s.sources) && o.Source != outcome.None {
		s.sources[o.Source].Add(1)
	}
	if !o.Stream { // which lasts as long as its client likes
		s.times[bucketOf(o.Duration)].Add(1)
	}
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	if us < perOctave {
		return int(us)
	}
	octave := bits.Len64(us) - 3 // from 1: us has this many bits more than 3
	return min(buckets-1, octave*perOctave+int(us>>(octave-1))-perOctave)
}

// middleOf returns the middle of a bucket in milliseconds.
func middleOf(bucket int) float64 {
	if bucket < perOctave {
		return float64(bucket) / 1e3
	}
	octave := bucket / perOctave
	low := uint64(bucket%perOctave+perOctave) << (octave - 1)
	width := uint64(1) << (octave - 1)
	return (float64(low) + float64(width)/2) / 1e3
}

// counts are what a Meter has counted.
type counts struct {
	classes [5]uint32
	sources [4]uint32
	times   [buckets]uint32
}

// take returns the counts since the last call.
func (m *Meter) take() *counts {
	c := new(counts)
	for i := range m.shards {
		if s := m.shards[i].Load(); s != nil {
			s.moveTo(c)
		}
	}
	return c
}

// moveTo adds the counts since the last call to c.
func (s *shard) moveTo(c *counts) {
	for i := range s.classes {
		c.classes[i] += s.classes[i].Swap(0)
	}
	for i := range s.sources {
		c.sources[i] += s.sources[i].Swap(0)
	}
	for i := range s.times {
		if s.times[i].Load() > 0 {
			c.times[i] += s.times[i].Swap(0)
		}
	}
}

// add adds other counts of durations.
func (c *counts) add(other *counts) {
	for i := range other.times {
		c.times[i] += other.times[i]
	}
}

// percentile returns the time in milliseconds within which a part of the requests were
// answered; 0 if there were none.
func (c *counts) percentile(part float64) float32 {
	total := uint64(0)
	for i := range c.times {
		total += uint64(c.times[i])
	}
	if total == 0 {
		return 0
	}
	rank := uint64(part * float64(total-1))
	for i := range c.times {
		n := uint64(c.times[i])
		if n > rank {
			return float32(middleOf(i))
		}
		rank -= n
	}
	return 0
}

// Meters are the Meters of all apps, by name. The zero value has none. Its methods are
// safe for concurrent use.
type Meters struct {
	mu    sync.Mutex // held by those that replace byApp
	byApp atomic.Pointer[map[string]*Meter]
}

// Of returns the Meter of an app, which it makes at the first call.
func (m *Meters) Of(app string) *Meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]*Meter{}
	if before := m.byApp.Load(); before != nil {
		if found := (*before)[app]; found != nil {
			return found
		}
		maps.Copy(next, *before)
	}
	next[app] = new(Meter)
	m.byApp.Store(&next)
	return next[app]
}

// Record counts a request, if its app has a Meter.
func (m *Meters) Record(o *outcome.Outcome) {
	if all := m.byApp.Load(); all != nil {
		if meter := (*all)[o.App]; meter != nil {
			meter.Record(o)
		}
	}
}
