//go:build linux

package eventloop

import "sync/atomic"

// processors counts the loops of this process that keep their processor of Go's
// scheduler while they wait for a short time; see poller.wait. One processor is left to
// all other goroutines, which would wait for the loops otherwise.
type processors struct{ kept atomic.Int32 }

// keeping is that of this process.
var keeping processors

// take lets so many loops keep their processors, of which there are all. It reports
// whether one is left; if not, the loops must not keep theirs.
func (p *processors) take(loops, all int) bool {
	if int(p.kept.Add(int32(loops))) < all {
		return true
	}
	p.give(loops)
	return false
}

// give undoes a take for so many loops.
func (p *processors) give(loops int) { p.kept.Add(-int32(loops)) }
