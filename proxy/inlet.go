package proxy

import "slices"

const (
	// directSize is the least size of a buffer worth reading into directly. That
	// of net/http has 4 KiB, but for some first reads that look for a few bytes.
	directSize = 512
	// fillSize is how much is read at a time into a buffer of our own.
	fillSize = 4 << 10
)

// checker decides on the bytes of a connection.
type checker interface {
	// fetch reads from the connection.
	fetch(p []byte) (int, error)
	// check looks at b, the bytes after those that it let pass. It returns how
	// many to leave out, and how many after them may pass. When it needs more to
	// decide on the first of them, it returns 0, 0, and gets the same again and more.
	check(b []byte) (skip, pass int, err error)
}

// inlet holds the bytes of a connection that were read and not handed out. For
// nearly all messages that is nothing: they are read into net/http's own buffer,
// and all of it passes.
type inlet struct {
	held   []byte
	passed int // how many of held may be handed out
}

// read hands out into p what c lets pass. It returns an error only when nothing
// of that is left.
func (in *inlet) read(c checker, p []byte) (int, error) {
	if len(in.held) == 0 && len(p) >= directSize {
		n, err := in.readDirect(c, p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	for in.passed == 0 {
		if len(in.held) > 0 {
			skip, pass, err := c.check(in.held)
			if err != nil {
				return 0, err
			}
			if pass > 0 {
				in.held, in.passed = in.held[skip:], pass
				break
			}
		}
		if err := in.fill(c); err != nil {
			return 0, err
		}
	}
	return in.take(p), nil
}

// readDirect reads into p what then passes, and holds the rest.
func (in *inlet) readDirect(c checker, p []byte) (int, error) {
	n, err := c.fetch(p)
	if n == 0 {
		return 0, err
	}
	skip, pass, err := c.check(p[:n])
	if err != nil {
		return 0, err
	}
	in.held = append(in.held, p[skip+pass:n]...)
	if skip > 0 {
		copy(p, p[skip:skip+pass])
	}
	return pass, nil
}

// fill reads more to hold.
func (in *inlet) fill(c checker) error {
	in.held = slices.Grow(in.held, fillSize)
	n, err := c.fetch(in.held[len(in.held) : len(in.held)+fillSize])
	in.held = in.held[:len(in.held)+n]
	if n > 0 {
		return nil
	}
	return err
}

// take hands out into p what has passed.
func (in *inlet) take(p []byte) int {
	n := copy(p, in.held[:in.passed])
	in.held, in.passed = in.held[n:], in.passed-n
	if len(in.held) == 0 {
		in.held = nil
	}
	return n
}
