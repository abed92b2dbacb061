package registry

import "time"

// Usage is what an instance takes of the machine it runs on.
type Usage struct {
	// Memory is its resident memory in bytes.
	Memory uint64
	// CPU is the processor time it has used since it was started.
	CPU time.Duration
	// Cores is how many processors it used of late on average: CPU per time.
	Cores float64
	// Measured is when that was; zero when it never was, and then nothing of it
	// means anything.
	Measured time.Time
}

// SetUsage publishes the Memory and CPU that an instance uses now; the rest
// follows from what it was told before. It is not announced to watchers. It fails
// with ErrUnknownInstance.
func (r *Registry) SetUsage(id ID, usage Usage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	before := in.about.usage
	usage.Measured = time.Now()
	since := usage.Measured.Sub(before.Measured)
	if before.Measured.IsZero() {
		since = usage.Measured.Sub(in.about.started)
	}
	usage.Cores = 0
	if since > 0 {
		usage.Cores = max(0, float64(usage.CPU-before.CPU)/float64(since))
	}
	next := *in.about
	next.usage = usage
	in.about = &next
	return nil
}
