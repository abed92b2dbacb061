//go:build !linux

package std

import (
	"errors"
	"io"
)

// awaitReset waits until the client resets its connection or the read deadline passes. It
// also returns when the client sends bytes in advance or ends its side: a later reset is
// not noticed. gone reports a reset, again the deadline.
func (c *conn) awaitReset() (gone, again bool) {
	if !c.intake.empty() {
		return false, false
	}
	err := c.intake.read(c.conn)
	return err != nil && !isTimeout(err) && !errors.Is(err, io.EOF), isTimeout(err)
}
