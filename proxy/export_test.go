package proxy

// BreakIdle makes writing on all idle connections fail, unnoticed by their
// owner, and returns how many they are.
func (p *Proxy) BreakIdle() int {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	n := 0
	for _, h := range p.pool.hosts {
		for _, u := range h.idle {
			_ = u.socket.CloseWrite()
			n++
		}
	}
	return n
}
