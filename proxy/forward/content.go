package forward

import "github.com/dynlb/dynlb/proxy/http1"

// AppendContent appends payload, as one chunk if it goes in chunks. last tells
// that no more follows; then chunks are ended without a trailer section.
func AppendContent(b, payload []byte, chunked, last bool) []byte {
	if !chunked {
		return append(b, payload...)
	}
	if len(payload) > 0 {
		b = append(http1.AppendChunkSize(b, len(payload)), payload...)
		b = append(b, http1.ChunkEnd...)
	}
	if last {
		b = append(b, http1.LastChunk...)
	}
	return b
}

// AppendLast appends the last payload of a message that goes in chunks, with a trailer
// section as Decode collects it.
func AppendLast(b, payload, trailer []byte) []byte {
	if !HasTrailer(trailer) {
		return AppendContent(b, payload, true, true)
	}
	return AppendTrailer(AppendContent(b, payload, true, false), trailer)
}

// Decode takes the payload out of b, which holds the next bytes of a message
// after its head, and moves it together: it overwrites the framing in b. used is
// how many bytes of b belong to the message; if that is not all of them, the
// message is complete. If trailer is not nil, Decode appends the trailer section
// to it, for which body.SplitTrailer must be set. Its error is an *http1.Error.
func Decode(body *http1.Body, b []byte, trailer *[]byte) (payload []byte, used int, err error) {
	for used < len(b) && !body.Done() {
		inTrailer := trailer != nil && body.InTrailer()
		n, run, err := body.Next(b[used:])
		if err != nil {
			return nil, used, err
		}
		if inTrailer {
			*trailer = append(*trailer, b[used:used+n]...)
		}
		if used += n; payload == nil {
			payload = run
		} else {
			payload = append(payload, run...) // within b, before the bytes that are still to be read
		}
	}
	return payload, used, nil
}
