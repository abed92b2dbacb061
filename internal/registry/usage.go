package registry

import "time"

// Usage is what an instance uses of its machine.
type Usage struct {
	// Memory is its resident memory in bytes.
	Memory uint64
	// CPU is the processor time it has used since its start.
	CPU time.Duration
	// Cores is the average number of processors it used since the previous
	// measurement: CPU per time.
	Cores float64
	// Measured is the time of the measurement; zero before the first one, when the
	// other fields have no meaning.
	Measured time.Time
}

// SetUsage sets the Memory and the CPU of an instance, and derives Cores from the
// previous measurement. It is not announced to watchers. It fails with
// ErrUnknownInstance.
func (r *Registry) SetUsage(id ID, usage Usage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	before := in.about.usage
	usage.Measured = r.now()
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

// SetLinesDropped sets how many lines of an instance's output were not logged since
// its start. It is not announced to watchers. It fails with ErrUnknownInstance.
func (r *Registry) SetLinesDropped(id ID, lines uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.amendLocked(id, func(a *about) { a.linesDropped = lines })
}
