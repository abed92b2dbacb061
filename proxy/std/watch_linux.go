package std

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitReset waits until the client resets its connection, which gone reports, or a
// deadline passes, which again reports. It reads nothing. That the client has ended
// its side does not end the wait.
func (c *conn) awaitReset() (gone, again bool) {
	if c.prober.raw == nil {
		return false, false
	}
	err := c.prober.raw.Read(isReset)
	return err == nil || !isTimeout(err), isTimeout(err)
}

// isReset reports whether a connection is broken: reset by the peer.
func isReset(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	for {
		_, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return err != nil || fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
