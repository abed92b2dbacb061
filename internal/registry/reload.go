package registry

import "time"

// Reload is what became of the configuration.
type Reload struct {
	// Time is when it was read last and put in force.
	Time time.Time
	// Error is why what the file says now is not in force, for people; "" when it
	// is.
	Error string
}

// SetReload publishes that the configuration was put in force, or why it was not,
// and what was before goes on. The latter is an event.
func (r *Registry) SetReload(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.fleet.Reload = Reload{Time: time.Now()}
		r.recordLocked(EventReloaded, "", "config read")
		return
	}
	r.fleet.Reload.Error = err.Error()
	r.recordLocked(EventReloadFailed, "", err.Error())
}
