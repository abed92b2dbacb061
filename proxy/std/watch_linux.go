package std

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitReset waits until the client resets its connection or the read deadline passes. It
// reads nothing, and goes on waiting when the client ends its side. gone reports a reset,
// again the deadline.
func (c *conn) awaitReset() (gone, again bool) {
	if c.prober.raw == nil {
		return false, false
	}
	err := c.prober.raw.Read(isReset)
	return err == nil || !isTimeout(err), isTimeout(err)
}

// isReset reports whether the peer has reset a connection.
func isReset(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	for {
		_, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return err != nil || fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
