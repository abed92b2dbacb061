package local

import (
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// usageInterval is how often the usage of an instance is sampled. A sample takes
// about 0.1 ms (BenchmarkUsage in package process).
const usageInterval = time.Second

// sampleUsage reads the usage of the child's process, publishes it, and reports it
// to the loop. It runs in manage.
func (f *Fleet) sampleUsage(c *child, p proc) {
	usage, err := p.Usage()
	switch {
	case err == nil:
		f.logRejected(c, f.Registry.SetUsage(c.id, registry.Usage{Memory: usage.Memory, CPU: usage.CPU}))
	case errors.Is(err, errors.ErrUnsupported):
		if f.settings().MaxMemory > 0 && !c.usageUnsupported {
			c.usageUnsupported = true
			c.log.Warn("maxMemory has no effect", "error", err)
		}
	default: // it has just exited
		c.log.Debug("usage not sampled", "error", err)
		return
	}
	f.call(func() { f.onUsage(c, usage) })
}

// onUsage handles a sample. A child that has reached a limit is outdated from now
// on. It runs in the loop.
func (f *Fleet) onUsage(c *child, usage procfs.Usage) {
	limits := f.settings()
	if c.staged || c.phase != phaseServing || c.recycleReason != "" ||
		limits.MaxRequests == 0 && limits.MaxAge == 0 && limits.MaxMemory == 0 {
		return
	}
	in, _ := f.lookup(c.id)
	if in.State != registry.Ready {
		return
	}
	now := time.Now()
	switch reason := limitReached(limits, &in); {
	case reason != "":
		c.recycleReason = reason
	case limits.MaxMemory > 0 && usage.Memory >= uint64(limits.MaxMemory):
		c.recycleReason = f.memoryReason(c, now, usage.Memory)
	case now.Sub(c.readyAt) >= earlyMemory:
		c.memoryEarly = false // it fell below maxMemory again
	}
	if c.recycleReason != "" {
		f.recycled++
		c.recycleTurn = f.recycled
		c.log.Info("instance to be replaced", "reason", c.recycleReason)
	}
}

// limitReached returns which limit of requests or age an instance has reached, or
// "".
func limitReached(limits *Settings, in *registry.Instance) string {
	age := time.Since(in.Started)
	switch {
	case limits.MaxRequests > 0 && in.Total >= uint64(limits.MaxRequests):
		return fmt.Sprintf("served %d requests (maxRequests is %d)", in.Total, limits.MaxRequests)
	case limits.MaxAge > 0 && age >= limits.MaxAge:
		return fmt.Sprintf("ran for %v (maxAge is %v)", age.Truncate(time.Second), limits.MaxAge)
	default:
		return ""
	}
}

// memoryReason returns why a child that has reached maxMemory is recycled, or ""
// when it is not recycled yet: a child that reached it soon after its start waits
// for the pacing.
func (f *Fleet) memoryReason(c *child, now time.Time, memory uint64) string {
	limit := f.settings().MaxMemory
	if age := now.Sub(c.readyAt); !c.memoryEarly && age < earlyMemory {
		c.memoryEarly = true
		c.log.Warn("instance uses as much as maxMemory right after its start: it is too low for this app",
			"memory", memory, "maxMemory", limit, "age", age)
	}
	if c.memoryEarly && !f.pacing.allow(now) {
		return ""
	}
	return fmt.Sprintf("uses %d bytes of memory (maxMemory is %d)", memory, limit)
}

const (
	// earlyMemory is the time after an instance is ready in which it allocates what
	// it needs to serve at all. If that is more than maxMemory, the next instance
	// needs as much.
	earlyMemory = 30 * time.Second
	// minPacing and maxPacing bound the time between two recycled instances that
	// reached maxMemory early.
	minPacing = 30 * time.Second
	maxPacing = time.Hour
)

// recyclePacing spaces out the recycling of instances that reached maxMemory early.
// The first one is recycled at once, because it may be an exception. The time to
// each further one doubles, because recycling does not help. Other starts are not
// delayed, unlike by a backoff. The zero value is ready for the first one.
type recyclePacing struct {
	pause time.Duration // before until
	until time.Time     // no instance is recycled before
}

// allow reports whether an instance may be recycled now, and counts it if so. The
// pauses start again when no instance asked for as long as the last pause.
func (p *recyclePacing) allow(now time.Time) bool {
	quiet := now.Sub(p.until)
	switch {
	case quiet < 0:
		return false
	case p.pause == 0, quiet >= p.pause:
		p.pause = minPacing
	default:
		p.pause = min(2*p.pause, maxPacing)
	}
	p.until = now.Add(p.pause)
	return true
}
