package registry

// collapse is an epoch in which almost every client left before the response: requests
// wait in the instances for longer than clients do. Without responses, nothing would ever
// show how many requests an instance can work on.
type collapse struct {
	gone    float64 // clients that left; 0: there was no collapse
	seconds float64 // length of the epoch
}

const (
	// mostLeave is how many clients must leave for each response.
	mostLeave = 4
	// patiencePart is the part of the time that clients wait for which requests may be in
	// an instance.
	patiencePart = 0.5
)

// bound limits how many requests an instance has at the same time: as many as it responds to
// in patiencePart of the time after which clients leave. By Little's law that time is the
// number of requests in all instances, over the rate at which clients leave. This limit and
// each one above it are suspicions, as a verdict is: trials refute one after the other.
func (c *concurrency) bound(working float64) {
	patience := working * c.collapse.seconds / c.collapse.gone
	limit := patiencePart * patience * c.trial.before.best
	if limit == 0 {
		return
	}
	first := max(1, groupOf(int32(min(limit, 1<<maxGroups))+1))
	if c.first > 0 && c.first <= first {
		return
	}
	for i := first; i < maxGroups; i++ {
		c.pairs[i].refuted = true
	}
	c.findFirst()
	c.known = true
}
