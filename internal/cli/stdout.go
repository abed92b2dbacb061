package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// output is the writer that commands print to. It keeps the first error and writes
// nothing after it. Run reports that error, so commands may ignore it.
type output struct {
	w   io.Writer
	err error
}

// Write writes p, or returns the first error.
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

// underlying returns the writer of an output, which may be a terminal. Any other
// writer is returned as it is.
func underlying(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.w
	}
	return w
}
