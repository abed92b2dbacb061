package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
)

// measureInterval is how often it is looked at what an instance uses, and whether
// that is enough to replace it: what a tenth of a millisecond may be spent on.
const measureInterval = time.Second

// measure finds out what the child uses, for the registry's readers, and tells
// the loop. It runs in the child's goroutine.
func (s *Supervisor) measure(c *child, p proc) {
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
func (s *Supervisor) measured(c *child, usage process.Usage) {
	limits := s.now()
	if c.phase != phaseServing || c.worn != "" ||
		limits.MaxRequests == 0 && limits.MaxAge == 0 && limits.MaxMemory == 0 {
		return
	}
	if in, _ := s.look(c.id); in.State == registry.Ready {
		c.worn = wear(limits, &in, usage)
	}
	if c.worn != "" {
		c.log.Info("instance to be replaced", "reason", c.worn)
	}
}

// wear says which limit of its life an instance has reached, "" if none.
func wear(limits *config.Config, in *registry.Instance, usage process.Usage) string {
	age := time.Since(in.Started)
	switch {
	case limits.MaxRequests > 0 && in.Total >= uint64(limits.MaxRequests):
		return fmt.Sprintf("served %d requests (maxRequests is %d)", in.Total, limits.MaxRequests)
	case limits.MaxAge > 0 && age >= limits.MaxAge:
		return fmt.Sprintf("ran for %v (maxAge is %v)", age.Truncate(time.Second), limits.MaxAge)
	case limits.MaxMemory > 0 && usage.Memory >= uint64(limits.MaxMemory):
		return fmt.Sprintf("uses %d bytes of memory (maxMemory is %d)", usage.Memory, limits.MaxMemory)
	default:
		return ""
	}
}
