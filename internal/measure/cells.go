package measure

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Schema is the schema of the native histograms: a bound is 2^(1/4) times the one before
// it, so a quantile is exact to 9 %.
const Schema = 2

// The native bounds reach from 2^minExponent seconds, about 1 µs, to 2^maxExponent
// seconds, about 12 days. Shorter durations are in the zero bucket, and longer ones in the
// last bucket.
const (
	minExponent = -20
	maxExponent = 20
	perDouble   = 1 << Schema
)

// Classic are the bounds that Values.Within knows.
var Classic = []time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
	5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// cellCount is the number of cells: one for each bound, and one for what is longer than
// all of them. Three bounds are of both kinds: 0.25 s, 0.5 s and 1 s.
const cellCount = (maxExponent-minExponent)*perDouble + 1 + 21 - 3 + 1

// cell is the interval up to a bound, from the bound before it.
type cell struct {
	bound  time.Duration // inclusive
	bucket int           // the native bucket that it is a part of, by its index
}

// cellTable has the cells in order. Each is a part of one native and of one classic
// bucket, so one count serves both.
var cellTable = newCells()

// firstCell has, for each number of bits that a duration in nanoseconds takes, the first
// cell that it can be in.
var firstCell = newFirstCells()

func newCells() (out [cellCount]cell) {
	bounds := slices.Clone(Classic)
	for i := minExponent * perDouble; i <= maxExponent*perDouble; i++ {
		bounds = append(bounds, nativeBound(i))
	}
	slices.Sort(bounds)
	bounds = append(slices.Compact(bounds), math.MaxInt64)
	bucket := minExponent * perDouble
	for i, bound := range bounds {
		for bucket <= maxExponent*perDouble && bound > nativeBound(bucket) {
			bucket++
		}
		out[i] = cell{bound: bound, bucket: bucket}
	}
	return out
}

// nativeBound returns the upper bound of a native bucket.
func nativeBound(bucket int) time.Duration {
	return time.Duration(math.Exp2(float64(bucket)/perDouble) * float64(time.Second))
}

func newFirstCells() (out [65]uint8) {
	for n := range out {
		shortest := time.Duration(0)
		if n > 0 {
			shortest = time.Duration(min(uint64(1)<<(n-1), math.MaxInt64))
		}
		i := 0
		for cellTable[i].bound < shortest {
			i++
		}
		out[n] = uint8(i)
	}
	return out
}

// cellOf returns the cell that a duration is in.
func cellOf(d time.Duration) int {
	d = max(0, d)
	i := int(firstCell[bits.Len64(uint64(d))])
	for cellTable[i].bound < d {
		i++
	}
	return i
}
