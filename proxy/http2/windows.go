package http2

// windows are how much the two sides of a connection may send.
type windows struct {
	send    int64 // how much the peer takes
	receive int64 // how much the peer may send
	taken   int64 // how much was taken that the peer was not told of
}

// widen adds to what the peer takes.
func (w *windows) widen(n int64) *Error {
	switch {
	case n == 0:
		return &Error{ProtocolError, "WINDOW_UPDATE of 0"}
	case w.send+n > maxWindow:
		return errWindow
	}
	w.send += n
	return nil
}

// arrived takes DATA, and returns its content.
func (w *windows) arrived(f *frame, b []byte) (payload []byte, err *Error) {
	if int64(f.length) > w.receive {
		return nil, &Error{FlowControlError, "content exceeds the window of the connection"}
	}
	if payload, err = unpad(f, b); err != nil {
		return nil, err
	}
	w.receive -= int64(f.length)
	return payload, nil
}

// give returns n bytes to the peer, whose window has a size. The result is the size of the
// WINDOW_UPDATE that is due, 0 if none is.
func (w *windows) give(n int64, size int) (update int64) {
	w.taken += n
	if w.taken < int64(size)/2 {
		return 0
	}
	update, w.taken = w.taken, 0
	w.receive += update
	return update
}

// shift changes what the peer takes of a stream.
func shift(send *int64, change int64) *Error {
	if *send += change; *send > maxWindow {
		return errWindow
	}
	return nil
}

var errWindow = &Error{FlowControlError, "window is too large"}
