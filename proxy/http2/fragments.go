package http2

import "golang.org/x/net/http2/hpack"

// maxContinuations is how many frames a header block may take beyond what its size
// needs: some senders begin a new frame for each write.
const maxContinuations = 16

// fragments is a header block that arrives: one HEADERS and any number of CONTINUATION.
type fragments struct {
	decoder *hpack.Decoder
	limit   int    // of size
	stream  uint32 // that the block is for
	size    int    // of the frames so far
	frames  int
}

// newFragments returns fragments of at most limit bytes, whose fields are passed to take.
func newFragments(limit int, take func(hpack.HeaderField)) fragments {
	d := hpack.NewDecoder(headerTable, take)
	d.SetMaxStringLength(limit)
	return fragments{decoder: d, limit: limit}
}

// begin begins a block with HEADERS.
func (k *fragments) begin(f *frame) { k.stream, k.size, k.frames = f.stream, 0, 0 }

// continues reports whether a frame goes on with the block.
func (k *fragments) continues(f *frame) bool {
	return f.kind == frameContinuation && f.stream == k.stream
}

// add decodes a part of the block (CVE-2024-27316: there is an end to it).
func (k *fragments) add(b []byte, last bool) *Error {
	k.size += len(b)
	k.frames++
	if k.size > k.limit || k.frames > maxContinuations+k.size/1024 {
		return &Error{EnhanceYourCalm, "header block is too long"}
	}
	if _, err := k.decoder.Write(b); err != nil {
		return &Error{CompressionError, "malformed header block"}
	}
	if !last {
		return nil
	}
	if err := k.decoder.Close(); err != nil {
		return &Error{CompressionError, "header block ends too early"}
	}
	return nil
}

// fragment takes what is no part of the header block off the payload of HEADERS. It
// returns the stream that a priority names, or 0.
func fragment(f *frame, b []byte) (rest []byte, depends uint32, err *Error) {
	b, err = unpad(f, b)
	if err != nil || !f.has(flagPriority) {
		return b, 0, err
	}
	if len(b) < 5 {
		return nil, 0, &Error{FrameSizeError, "HEADERS is too short"}
	}
	return b[5:], dependency(b), nil
}
