package local

import (
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// measureInterval is how often it is looked at what an instance uses, and whether
// that is enough to replace it: what a tenth of a millisecond may be spent on.
const measureInterval = time.Second

// measure finds out what the child uses, for the registry's readers, and tells
// the loop. It runs in the child's goroutine.
func (s *Fleet) measure(c *child, p proc) {
	usage, err := p.Usage()
	switch {
	case err == nil:
		s.complain(c, s.Registry.SetUsage(c.id, registry.Usage{Memory: usage.Memory, CPU: usage.CPU}))
	case errors.Is(err, errors.ErrUnsupported):
		if s.now().MaxMemory > 0 && !c.unmeasured {
			c.unmeasured = true
			c.log.Warn("maxMemory has no effect", "error", err)
		}
	default:
		c.log.Debug("usage not measured", "error", err) // it has just exited
		return
	}
	s.call(func() { s.measured(c, usage) })
}

// measured: it was looked at what the child uses. One that has reached a limit is
// replaced, a new one first.
func (s *Fleet) measured(c *child, usage procfs.Usage) {
	limits := s.now()
	if c.phase != phaseServing || c.recycleReason != "" ||
		limits.MaxRequests == 0 && limits.MaxAge == 0 && limits.MaxMemory == 0 {
		return
	}
	in, _ := s.look(c.id)
	if in.State != registry.Ready {
		return
	}
	now := time.Now()
	switch reason := wear(limits, &in); {
	case reason != "":
		c.recycleReason = reason
	case limits.MaxMemory > 0 && usage.Memory >= uint64(limits.MaxMemory):
		c.recycleReason = s.outgrown(c, now, usage.Memory)
	case now.Sub(c.readyAt) >= soonOutgrown:
		c.outgrown = false // it was for a while
	}
	if c.recycleReason != "" {
		c.log.Info("instance to be replaced", "reason", c.recycleReason)
	}
}

// wear says which limit of its life an instance has reached, "" if none.
func wear(limits *Settings, in *registry.Instance) string {
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

// outgrown returns why a child that uses as much memory as it may is to be
// replaced, "" if it is not yet: one that came to it soon after its start waits
// until the patience with such ones is over.
func (s *Fleet) outgrown(c *child, now time.Time, memory uint64) string {
	most := s.now().MaxMemory
	if age := now.Sub(c.readyAt); !c.outgrown && age < soonOutgrown {
		c.outgrown = true
		c.log.Warn("instance uses as much as maxMemory right after its start: it is too low for this app",
			"memory", memory, "maxMemory", most, "age", age)
	}
	if c.outgrown && !s.patience.spend(now) {
		return ""
	}
	return fmt.Sprintf("uses %d bytes of memory (maxMemory is %d)", memory, most)
}

const (
	// soonOutgrown is the time from when an instance is ready in which it takes
	// what it needs to do its work. If that is more than maxMemory, so it will be
	// with the next one.
	soonOutgrown = 30 * time.Second
	// minPatience and maxPatience bound the time between two replacements of
	// instances that outgrew maxMemory soon; it doubles with each.
	minPatience = 30 * time.Second
	maxPatience = time.Hour
)

// patience spaces out the replacements of instances that outgrew maxMemory soon
// after their start: one is replaced at once, for it may have been an exception,
// and further ones less and less often, as it does not help. It is no backoff: it
// does not hold up other starts. The zero value is no such instance yet.
type patience struct {
	pause time.Duration // the one until then
	until time.Time
}

// spend reports whether one may be replaced now, and counts it. When none came up
// for as long as the last pause, they count anew.
func (p *patience) spend(now time.Time) bool {
	quiet := now.Sub(p.until)
	switch {
	case quiet < 0:
		return false
	case p.pause == 0, quiet >= p.pause:
		p.pause = minPatience
	default:
		p.pause = min(2*p.pause, maxPatience)
	}
	p.until = now.Add(p.pause)
	return true
}
