//go:build linux

package eventloop

const (
	// ChunkSize is how much is read from a socket at a time.
	ChunkSize = 64 << 10
	// spareBytes is how much memory of one size is kept for later.
	spareBytes = 2 << 20
	// spareBlocks is how many blocks are kept for later.
	spareBlocks = 1024
)

// bufferSizes are the sizes of buffers, from that of a short message up to that of a
// chunk with its framing.
var bufferSizes = [...]int{1 << 10, 4 << 10, 16 << 10, ChunkSize, ChunkSize + 4<<10}

// Buffers is a loop's memory for bytes that must wait: for the rest of their
// message, or for the peer that they are sent to. Bytes that need not wait never
// leave the buffer that the loop reads into.
type Buffers struct {
	spare  [len(bufferSizes)][][]byte
	blocks []*block // spare
	inUse  int
}

// Get returns an empty buffer with room for n bytes.
func (p *Buffers) Get(n int) []byte {
	p.inUse++
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

// Put takes back a buffer of Get. It is not used afterwards.
func (p *Buffers) Put(b []byte) {
	p.inUse--
	for i, size := range bufferSizes {
		if cap(b) == size && len(p.spare[i]) < spareBytes/size {
			p.spare[i] = append(p.spare[i], b[:0])
			return
		}
	}
}

// InUse returns how many buffers are in use.
func (p *Buffers) InUse() int { return p.inUse }

// block returns a block for a buffer.
func (p *Buffers) block(buffer []byte) *block {
	last := len(p.blocks) - 1
	if last < 0 {
		return &block{buffer: buffer}
	}
	k := p.blocks[last]
	p.blocks = p.blocks[:last]
	k.buffer = buffer
	return k
}
