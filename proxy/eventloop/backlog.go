//go:build linux

package eventloop

// Backlog is bytes that wait. The zero value holds none, and takes little memory: most
// connections have an empty backlog most of the time.
type Backlog struct {
	block *block // nil when there is none
}

// block is a buffer that is in use by a backlog.
type block struct {
	buffer []byte
	from   int // where in it the bytes begin
}

// None reports whether the backlog has no buffer.
func (q *Backlog) None() bool { return q.block == nil }

// Bytes returns the bytes that wait.
func (q *Backlog) Bytes() []byte {
	if q.block == nil {
		return nil
	}
	return q.block.buffer[q.block.from:]
}

// Empty reports whether no bytes wait.
func (q *Backlog) Empty() bool { return len(q.Bytes()) == 0 }

// append puts b behind the bytes that wait.
func (q *Backlog) append(p *Buffers, b []byte) {
	if len(b) > 0 {
		q.room(p, len(b))
		q.block.buffer = append(q.block.buffer, b...)
	}
}

// room returns the free space behind the bytes that wait, at least n bytes of it.
func (q *Backlog) room(p *Buffers, n int) []byte {
	if k := q.block; k == nil {
		q.block = p.block(p.Get(n))
	} else if cap(k.buffer)-len(k.buffer) < n {
		waiting := q.Bytes()
		bigger := append(p.Get(len(waiting)+n), waiting...)
		p.Put(k.buffer)
		*k = block{buffer: bigger}
	}
	return q.block.buffer[len(q.block.buffer):cap(q.block.buffer)]
}

// growth returns how much room to ask for when more is to be read. Beyond the largest
// buffer that is kept it doubles: a large head would otherwise be copied for every
// KiB of it.
func (q *Backlog) growth() int {
	if n := len(q.Bytes()); n >= bufferSizes[len(bufferSizes)-1]/2 {
		return n
	}
	return 1 << 10
}

// extend counts n bytes that were written into room.
func (q *Backlog) extend(n int) { q.block.buffer = q.block.buffer[:len(q.block.buffer)+n] }

// drop forgets the first n bytes.
func (q *Backlog) drop(p *Buffers, n int) {
	if q.block.from += n; q.Empty() {
		q.Release(p)
	}
}

// Release forgets all bytes.
func (q *Backlog) Release(p *Buffers) {
	if q.block == nil {
		return
	}
	p.Put(q.block.buffer)
	*q.block = block{}
	if len(p.blocks) < spareBlocks {
		p.blocks = append(p.blocks, q.block)
	}
	q.block = nil
}
