package edge

import (
	"bytes"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dynlb/dynlb/proxy/http1"
)

// The levels are those at which a further one costs much more time than it saves bytes.
// The window bounds the memory of an open response: browsers allow 8 MiB, and
// hardly any text repeats what is further away than this.
const (
	gzipLevel                 = 5
	zstdWindow                = 256 << 10
	brotliLevel, brotliWindow = 2, 18 // the window as a power of 2
)

// compressor is what the libraries for the codings have in common.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// compressors are those that wait for another response.
var compressors = [codings]sync.Pool{
	zstdCoding: {New: func() any {
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), // the options are valid
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		return w
	}},
	brotliCoding: {New: func() any {
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliLevel, LGWin: brotliWindow})
	}},
	gzipCoding: {New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzipLevel) // the level is valid
		return w
	}},
}

// Encoder compresses the content of one response. The methods of a nil Encoder leave
// content as it is.
type Encoder struct {
	coding coding
	to     compressor
	out    bytes.Buffer
}

// Encode returns payload, compressed and as far as a client can decode it at once. last
// tells that it ends the content. The result is valid until the next call.
func (e *Encoder) Encode(payload []byte, last bool) []byte {
	if e == nil {
		return payload
	}
	e.out.Reset()
	_, _ = e.to.Write(payload) // writing to a buffer does not fail
	if last {
		_ = e.to.Close()
	} else if len(payload) > 0 {
		_ = e.to.Flush()
	}
	return e.out.Bytes()
}

// Drop ends the use of e.
func (e *Encoder) Drop() {
	if e == nil {
		return
	}
	e.to.Reset(nil)
	compressors[e.coding].Put(e.to)
	e.to = nil
}

// Compress begins to compress the content of a response, and edits its head, if the rules
// ask for it and the client accepts it. It returns nil otherwise. It is called after
// Respond.
func (x *Exchange) Compress(r *http1.Response) *Encoder {
	if x == nil || x.coding == identity || !mayCompress(r) {
		return nil
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case f.ID == http1.FieldContentLength, is(f.Name, "accept-ranges"), is(f.Name, "content-encoding"):
			f.Drop = true
		case is(f.Name, "etag") && bytes.HasPrefix(f.Value, []byte{'"'}):
			f.Value = append([]byte("W/"), f.Value...) // other bytes, so it is no strong one (RFC 9110, 8.8.1)
		}
	}
	add(&r.Head, &contentEncoding, []byte(x.coding.String()))
	if r.Framing == http1.NoContent { // the answer to a HEAD
		return nil
	}
	r.Framing = http1.Chunked
	e := &Encoder{coding: x.coding, to: compressors[x.coding].Get().(compressor)}
	e.to.Reset(&e.out)
	return e
}

var (
	contentEncoding = newName("Content-Encoding")
	vary            = newName("Vary")
	acceptEncoding  = []byte("Accept-Encoding")
)

// varies has a response say that its coding depends on the request, if it does. A 304 says
// what the 200 would (RFC 9110, 15.4.5).
func (x *Exchange) varies(r *http1.Response) {
	if !mayCompress(r) && (r.Status != 304 || !suits(r)) {
		return
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; is(f.Name, "vary") && (hasToken(f.Value, "accept-encoding") || hasToken(f.Value, "*")) {
			return
		}
	}
	add(&r.Head, &vary, acceptEncoding)
}
