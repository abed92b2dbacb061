package fastpath

import (
	"io"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// inlineSize is up to which size payload is copied next to its head: that costs
// less than telling the kernel of a second piece.
const inlineSize = 4 << 10

func durationOf(nanoseconds int64) time.Duration { return time.Duration(nanoseconds) }

// pass passes on what came of the content.
func (x *exchange) pass(b []byte) {
	payload, used, err := forward.Decode(&x.down, b, &x.trailer)
	if err != nil {
		x.cut(err)
		return
	}
	if used < len(b) {
		x.surplus()
	}
	x.lease.Progressed()
	if x.deliver(x.loop.out[:0], payload) {
		x.upstream.keep(nil)
	}
}

// surplus is called when bytes came after the end of the response.
func (x *exchange) surplus() {
	x.reusable = false
	x.pool.stray()
}

// deliver sends the client payload, after what is in head. It reports whether
// the client is there.
func (x *exchange) deliver(head, payload []byte) bool {
	if x.down.Done() {
		x.release()
	}
	last := x.down.Done() && !forward.HasTrailer(x.trailer)
	switch {
	case len(payload) <= inlineSize:
		head = forward.AppendContent(head, payload, x.chunkDown, last)
		if len(head) > 0 && !x.toClient(head) {
			return false
		}
	case x.chunkDown:
		end := chunkEnd
		if last {
			end = lastChunkEnd
		}
		if !x.toClient(http1.AppendChunkSize(head, len(payload)), payload, end) {
			return false
		}
	case len(head) > 0:
		return x.toClient(head, payload)
	default:
		return x.toClient(payload)
	}
	if x.chunkDown && x.down.Done() && !last {
		return x.toClient(forward.AppendTrailer(x.loop.out[:0], x.trailer))
	}
	return true
}

// What goes after a chunk, and after the last one.
var (
	chunkEnd     = []byte(http1.ChunkEnd)
	lastChunkEnd = []byte(http1.ChunkEnd + http1.LastChunk)
)

// instanceEnded is called when the instance has closed its connection, or reset
// it.
func (x *exchange) instanceEnded(err error) {
	if x.lost != nil {
		err = x.lost
	}
	if !x.responding {
		if x.received && err == io.EOF { //nolint:errorlint // it is the very value
			err = io.ErrUnexpectedEOF
		}
		x.broke(err)
		return
	}
	if err != io.EOF || x.down.End() != nil { //nolint:errorlint // it is the very value
		x.cut(err)
		return
	}
	x.release()
	if x.chunkDown && !x.toClient([]byte(http1.LastChunk)) {
		return
	}
	x.reusable = false
	if x.client.out.empty() {
		x.finish()
	}
}
