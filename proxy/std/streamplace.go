package std

// streamPlace counts a request of HTTP/2 or HTTP/3 on a connection, and reports whether it may be
// carried. Each request needs a connection to an instance, for which the limit of open
// files has room as for the connections of clients: the requests beyond the first of
// each connection take the places that clients leave free. leave must follow.
func (l *Lane) streamPlace(c *member) (granted bool, leave func()) {
	first := c.flights.Add(1) == 1
	if !first {
		l.beyond.Add(1)
	}
	leave = func() {
		c.flights.Add(-1)
		if !first {
			l.beyond.Add(-1)
		}
	}
	limit := l.options.Settings.Load().MaxStreams
	return first || limit == 0 || int(l.beyond.Load())+l.options.Open() <= limit, leave
}

// Conns returns how many connections of clients the lane has accepted and not closed.
func (l *Lane) Conns() int {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	return l.gate.open
}
