package proxy

import "golang.org/x/sys/unix"

// untaken returns how many bytes were written that the instance has not taken.
func (s *socket) untaken() (n int) {
	_ = s.raw.conn.Control(func(fd uintptr) { // else it is closed, and the write will tell
		n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	return n
}
