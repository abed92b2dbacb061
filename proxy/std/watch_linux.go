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
	err := c.prober.raw.Read(func(fd uintptr) bool {
		events := eventsOf(fd)
		if events&unix.POLLRDHUP != 0 && !c.watcher.ended.Load() {
			c.outputEnded()
		}
		return events&(unix.POLLERR|unix.POLLHUP) != 0
	})
	return err == nil || !isTimeout(err), isTimeout(err)
}

// eventsOf returns what the peer has done to a connection: POLLRDHUP if it has ended its
// output, POLLERR or POLLHUP if it has reset it.
func eventsOf(fd uintptr) int16 {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		_, err := unix.Poll(fds, 0)
		switch {
		case err == nil:
			return fds[0].Revents
		case !errors.Is(err, unix.EINTR):
			return unix.POLLERR
		}
	}
}
