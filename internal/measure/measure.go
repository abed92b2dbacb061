// Package measure counts events of the data plane cheaply: each event loop adds to memory
// of its own, and a reader adds the parts up.
//
//	Counter    a number that only rises
//	Histogram  durations, from which classic and native buckets of Prometheus are derived
package measure

import "sync/atomic"

// Shards is how many parts a Counter and a Histogram have. Loops beyond that share one.
const Shards = 16

// cacheLine is the size of a cache line, on amd64 and most of arm64.
const cacheLine = 64

// Counter is a number that only rises. The zero value is 0. It is safe for concurrent
// use.
type Counter struct {
	shards [Shards]struct {
		n atomic.Uint64
		_ [cacheLine - 8]byte
	}
}

// Add adds n. The shard is any number: callers with different ones do not slow each other
// down.
func (c *Counter) Add(shard int, n uint64) { c.shards[index(shard)].n.Add(n) }

// Value returns the number.
func (c *Counter) Value() (sum uint64) {
	for i := range c.shards {
		sum += c.shards[i].n.Load()
	}
	return sum
}

// index returns the shard that a number stands for.
func index(shard int) int { return int(uint(shard) % Shards) }
