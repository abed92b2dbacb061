package fastpath

// The sizes of buffers: of a request's head, mostly, up to that of what is read
// at a time.
var bufferSizes = [...]int{1 << 10, 4 << 10, 16 << 10, chunkSize, chunkSize + 4<<10}

const (
	// chunkSize is how much is read from a socket at a time.
	chunkSize = 64 << 10
	// spareBytes is how much memory of one size is kept for later.
	spareBytes = 2 << 20
	// spareBlocks is how many blocks are kept for later.
	spareBlocks = 1024
)

// buffers is a loop's memory for bytes that must wait: for their other half, or
// for who is to get them. Bytes that need not wait never leave the loop's own
// two buffers.
type buffers struct {
	spare  [len(bufferSizes)][][]byte
	blocks []*block // spare
	held   int      // how many are in use
}

// get returns an empty buffer with room for n bytes.
func (p *buffers) get(n int) []byte {
	p.held++
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if last := len(p.spare[i]) - 1; last >= 0 {
			b := p.spare[i][last]
			p.spare[i] = p.spare[i][:last]
			return b
		}
		return make([]byte, 0, size)
	}
	return make([]byte, 0, n)
}

// put takes back a buffer of get. It is not used afterwards.
func (p *buffers) put(b []byte) {
	p.held--
	for i, size := range bufferSizes {
		if cap(b) == size && len(p.spare[i]) < spareBytes/size {
			p.spare[i] = append(p.spare[i], b[:0])
			return
		}
	}
}

// block returns a block for a buffer.
func (p *buffers) block(buffer []byte) *block {
	last := len(p.blocks) - 1
	if last < 0 {
		return &block{buffer: buffer}
	}
	k := p.blocks[last]
	p.blocks = p.blocks[:last]
	k.buffer = buffer
	return k
}

// backlog is bytes that wait. The zero value is none; most connections have none
// most of the time, so that is what takes little room.
type backlog struct {
	block *block // nil when there is none
}

// block is a buffer that is in use by a backlog.
type block struct {
	buffer []byte
	from   int // where in it the bytes begin
}

func (q *backlog) none() bool { return q.block == nil }

func (q *backlog) bytes() []byte {
	if q.block == nil {
		return nil
	}
	return q.block.buffer[q.block.from:]
}

func (q *backlog) empty() bool { return len(q.bytes()) == 0 }

// append puts bytes behind those that wait.
func (q *backlog) append(p *buffers, parts ...[]byte) {
	n := 0
	for _, b := range parts {
		n += len(b)
	}
	if n == 0 {
		return
	}
	q.room(p, n)
	for _, b := range parts {
		q.block.buffer = append(q.block.buffer, b...)
	}
}

// room returns the free space behind the bytes that wait, at least n bytes of it.
func (q *backlog) room(p *buffers, n int) []byte {
	if k := q.block; k == nil {
		q.block = p.block(p.get(n))
	} else if cap(k.buffer)-len(k.buffer) < n {
		waiting := q.bytes()
		bigger := append(p.get(len(waiting)+n), waiting...)
		p.put(k.buffer)
		*k = block{buffer: bigger}
	}
	return q.block.buffer[len(q.block.buffer):cap(q.block.buffer)]
}

// extend counts n bytes that were written into room.
func (q *backlog) extend(n int) { q.block.buffer = q.block.buffer[:len(q.block.buffer)+n] }

// drop forgets the first n bytes.
func (q *backlog) drop(p *buffers, n int) {
	if q.block.from += n; q.empty() {
		q.release(p)
	}
}

// release forgets all bytes.
func (q *backlog) release(p *buffers) {
	if q.block != nil {
		p.put(q.block.buffer)
		*q.block = block{}
		if len(p.blocks) < spareBlocks {
			p.blocks = append(p.blocks, q.block)
		}
		q.block = nil
	}
}
