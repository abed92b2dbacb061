package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// output is what commands print to. It remembers the first error, and writes
// nothing after it, so that most of them need not look at errors: run does.
type output struct {
	w   io.Writer
	err error
}

// Write writes p, unless something before it could not be written.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathErr.Err
		}
		o.err = fmt.Errorf("write output: %w", err)
	}
	return n, o.err
}

// beneath returns what an output writes to, which may be a terminal; any other
// writer as it is.
func beneath(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.w
	}
	return w
}
