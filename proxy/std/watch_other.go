//go:build !linux

package std

import (
	"errors"
	"io"
)

// awaitReset waits until the client resets its connection, which gone reports, or a
// deadline passes, which again reports. It reads what the client sends in advance, and
// notices nothing behind that, or after the client has ended its side.
func (c *conn) awaitReset() (gone, again bool) {
	if !c.intake.empty() {
		return false, false
	}
	err := c.intake.read(c.conn)
	return err != nil && !isTimeout(err) && !errors.Is(err, io.EOF), isTimeout(err)
}
