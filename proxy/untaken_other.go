//go:build !linux

package proxy

// untaken returns 0: there is no telling here what the instance has not taken.
func (s *socket) untaken() int { return 0 }
