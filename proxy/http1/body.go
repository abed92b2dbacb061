package http1

import "math"

// Body finds the content of a message among the bytes that follow its head. The
// zero value is the Body of a message without content. It is a value: a copy
// continues at the position of the original.
type Body struct {
	// SplitTrailer makes Next stop before the trailer section; see InTrailer.
	SplitTrailer bool

	framing  Framing
	ended    bool
	response bool   // the message is a response
	left     int64  // bytes left of the content, or of the chunk
	err      *Error // what Next found
	chunks   chunks
}

// Body returns the Body of the request that was parsed.
func (r *Request) Body() Body { return r.body() }

// Body returns the Body of the response that was parsed.
func (r *Response) Body() Body { return r.body() }

func (h *Head) body() Body {
	b := Body{framing: h.Framing, response: h.response}
	switch h.Framing {
	case NoContent: // it is done
	case Sized:
		b.left = h.Length
		b.ended = h.Length == 0
	case Chunked:
		b.chunks = newChunks(&h.limits)
	case UntilClose:
		b.left = math.MaxInt64
	}
	return b
}

// Done reports whether the message is complete: the next byte belongs to another.
func (b *Body) Done() bool { return b.ended || b.framing == NoContent }

// InTrailer reports whether the next byte belongs to the trailer section, or to
// the empty line that ends it (RFC 9112, 7.1.2).
func (b *Body) InTrailer() bool {
	return b.framing == Chunked && !b.ended && b.chunks.state >= beforeField
}

// Next reads p, the next bytes of the message, up to the end of the first run of
// payload. It returns how many bytes of p it has read, and the payload among
// them: a slice of p, empty when there is none. Repeated calls read all of p,
// unless the message ends before; bytes that were read are not needed again. Its
// error is an *Error, which all later calls return too.
func (b *Body) Next(p []byte) (n int, payload []byte, err error) {
	if b.err != nil {
		return 0, nil, b.err
	}
	trailer := b.InTrailer()
	for n < len(p) && !b.Done() && (!b.SplitTrailer || b.InTrailer() == trailer) {
		if b.framing != Chunked || b.chunks.state == inData {
			payload = p[n : n+int(min(int64(len(p)-n), b.left))]
			b.take(int64(len(payload)))
			return n + len(payload), payload, nil
		}
		if e := b.step(p[n]); e != nil {
			if b.response {
				e = e.inResponse()
			}
			b.err = e
			return n, nil, e
		}
		n++
	}
	return n, nil, nil
}

// Rest returns how many bytes of payload are left, if Content-Length gives the
// size. It is 0 for other framings.
func (b *Body) Rest() int64 {
	if b.framing != Sized || b.err != nil {
		return 0
	}
	return b.left
}

// Move skips n bytes of payload, at most Rest, that Next is not given.
func (b *Body) Move(n int64) { b.take(n) }

// Skip is Next for a caller that needs no payload: it returns how many bytes of p
// belong to the message.
func (b *Body) Skip(p []byte) (n int, err error) {
	for n < len(p) && !b.Done() {
		k, _, err := b.Next(p[n:])
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// End notes that the connection has ended. It returns an *Error if the message is
// incomplete (RFC 9112, 8).
func (b *Body) End() error {
	switch {
	case b.err != nil:
		return b.err
	case b.framing == UntilClose:
		b.ended = true
	case !b.Done() && b.response:
		return errTruncated.inResponse()
	case !b.Done():
		return errTruncated
	}
	return nil
}

// take counts n bytes of payload.
func (b *Body) take(n int64) {
	switch {
	case b.framing == UntilClose: // only the end of the connection counts
	case b.framing == Sized:
		b.left -= n
		b.ended = b.left == 0
	default:
		if b.left -= n; b.left == 0 {
			b.chunks.state = afterData
		}
	}
}
