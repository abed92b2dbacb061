package registry

import (
	"math"
	"math/bits"
)

// treeFrom is the number of candidates from which on a tree finds the least loaded one.
// Comparing fewer of them one after the other costs less than the upkeep of the tree.
const treeFrom = 32

// loadTree finds the least loaded of many candidates in a time that grows with the
// logarithm of their number. It is a tree of minima: a leaf has the load of a candidate, a
// node the lower one of the two below it. Of equals the order decides, so that the tree
// gives exactly what comparing all of them gives.
type loadTree struct {
	first int     // index of the first leaf, a power of two; 0: there is no tree
	nodes []int64 // node i is above the nodes 2i and 2i+1; the root is 1
}

// full is the load of an instance that gets no request, as it is at the cap.
const full = math.MaxInt64

// leafLocked returns what an instance has in the tree.
func (r *Registry) leafLocked(in *instance) int64 {
	if in.traffic.working() >= r.limit {
		return full
	}
	return in.traffic.load()
}

// load is what instances are compared by: the requests in flight and the handicap, among
// equal ones the streams, and then whether a sibling is to choose it first.
func (t *traffic) load() int64 {
	return int64(t.working()+t.handicap)<<33 + int64(t.streams)<<1 + int64(t.foreign)
}

// idleLoad is the highest load of an instance without requests.
const idleLoad = 1

// plantLocked builds the tree of the candidates anew, or removes it if they are few.
func (r *Registry) plantLocked() {
	t := &r.tree
	if t.first = 0; len(r.candidates) < treeFrom {
		return
	}
	t.first = 1 << bits.Len(uint(len(r.candidates)-1))
	if len(t.nodes) != 2*t.first {
		t.nodes = make([]int64, 2*t.first)
	}
	for i := range t.first {
		t.nodes[t.first+i] = full
		if i < len(r.candidates) {
			in := r.candidates[i]
			in.place, t.nodes[t.first+i] = i, r.leafLocked(in)
		}
	}
	for i := t.first - 1; i > 0; i-- {
		t.nodes[i] = min(t.nodes[2*i], t.nodes[2*i+1])
	}
}

// weighedLocked brings the tree up to date after the load of one instance has changed.
func (r *Registry) weighedLocked(in *instance) {
	if r.inTreeLocked(in) {
		r.tree.set(in.place, r.leafLocked(in))
	}
}

// inTreeLocked reports whether in is a candidate, and there is a tree of these.
func (r *Registry) inTreeLocked(in *instance) bool {
	return r.tree.first > 0 && in.place < len(r.candidates) && r.candidates[in.place] == in
}

// set changes a leaf.
func (t *loadTree) set(place int, load int64) {
	i := t.first + place
	for t.nodes[i] = load; i > 1; {
		i >>= 1
		lowest := min(t.nodes[2*i], t.nodes[2*i+1])
		if t.nodes[i] == lowest {
			return
		}
		t.nodes[i] = lowest
	}
}

// next returns the place of the first leaf from a place on that has the lowest load of
// all, or of the first one if there is none from there on. It returns -1 when all are full.
func (t *loadTree) next(from int) int {
	lowest := t.nodes[1]
	if lowest == full {
		return -1
	}
	i := 1
	if from < t.first {
		i = t.climb(t.first+from, lowest)
	}
	for i < t.first { // down to the first one below i
		if i *= 2; t.nodes[i] != lowest {
			i++
		}
	}
	return i - t.first
}

// climb returns the highest node of which all leaves are at the leaf i or behind it, and
// one has the given load; the root if there is none.
func (t *loadTree) climb(i int, lowest int64) int {
	if t.nodes[i] == lowest {
		return i
	}
	for ; i > 1; i /= 2 {
		if i%2 == 0 && t.nodes[i+1] == lowest {
			return i + 1
		}
	}
	return 1
}
