package fastpath

// The sizes of buffers: of a request's head, mostly, up to that of what is read
// at a time.
var bufferSizes = [...]int{1 << 10, 4 << 10, 16 << 10, chunkSize, chunkSize + 4<<10}

const (
	// chunkSize is how much is read from a socket at a time.
	chunkSize = 64 << 10
	// spareBytes is how much memory of one size is kept for later.
	spareBytes = 2 << 20
)

// buffers is a loop's memory for bytes that must wait: for their other half, or
// for who is to get them. Bytes that need not wait never leave the loop's own
// two buffers.
type buffers struct {
	spare [len(bufferSizes)][][]byte
	held  int // how many are in use
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

// backlog is bytes that wait. The zero value is none, and has no buffer.
type backlog struct {
	buffer []byte // nil when there is none
	from   int    // of it, where the bytes begin
}

func (q *backlog) bytes() []byte { return q.buffer[q.from:] }

func (q *backlog) empty() bool { return len(q.buffer) == q.from }

// append puts bytes behind those that wait.
func (q *backlog) append(p *buffers, parts ...[]byte) {
	n := len(q.bytes())
	for _, b := range parts {
		n += len(b)
	}
	if n == 0 {
		return
	}
	if cap(q.buffer) < q.from+n {
		q.move(p, n)
	}
	for _, b := range parts {
		q.buffer = append(q.buffer, b...)
	}
}

// room returns the free space behind the bytes that wait, at least n bytes of it.
func (q *backlog) room(p *buffers, n int) []byte {
	if cap(q.buffer)-len(q.buffer) < n {
		q.move(p, len(q.bytes())+n)
	}
	return q.buffer[len(q.buffer):cap(q.buffer)]
}

// extend counts n bytes that were written into room.
func (q *backlog) extend(n int) { q.buffer = q.buffer[:len(q.buffer)+n] }

// move puts the bytes into a buffer with room for n.
func (q *backlog) move(p *buffers, n int) {
	b := append(p.get(n), q.bytes()...)
	q.release(p)
	q.buffer = b
}

// drop forgets the first n bytes.
func (q *backlog) drop(p *buffers, n int) {
	if q.from += n; q.empty() {
		q.release(p)
	}
}

// release forgets all bytes.
func (q *backlog) release(p *buffers) {
	if q.buffer != nil {
		p.put(q.buffer)
	}
	*q = backlog{}
}
