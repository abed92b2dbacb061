package process

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/process/explain"
)

// Values of Line.Stream.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Bounds of the memory that the output of one child takes, however much it prints.
const (
	maxLine       = 16 << 10  // bytes of a line, as the child printed it
	maxQueueLines = 256       // lines that wait for Spec.Output
	maxQueueBytes = 512 << 10 // the bytes of their text
	tailLines     = 20        // lines of Process.Tail
	tailLineBytes = 512       // bytes of each
)

// Line is one line that the child printed. It is safe for a log: valid UTF-8, with
// no line ending, terminal escape sequence or control character other than tab.
type Line struct {
	// Stream is Stdout or Stderr. The lines of one stream are in order; lines of
	// both are in the order in which dynlb read them.
	Stream string
	// Text is the line. The last line of a stream may lack a line ending.
	Text string
	// Truncated says that the line was longer than 16 KiB. It is passed on as soon
	// as it exceeds that; the rest of it is lost.
	Truncated bool
}

// output receives what the child prints on both streams, and never blocks. It keeps
// the last lines, and queues lines for Spec.Output while the queue has room.
type output struct {
	stdout, stderr *lineWriter

	dropped   atomic.Uint64
	queued    atomic.Int64  // bytes of text in queue
	queue     chan Line     // nil without Spec.Output
	delivered chan struct{} // closed when deliver has returned

	mu   sync.Mutex // protects tail and the order of the queue
	tail [][]byte   // raw lines, oldest first; the arrays are reused
}

func newOutput(f func(Line)) *output {
	o := &output{delivered: make(chan struct{})}
	o.stdout = &lineWriter{stream: Stdout, add: o.add}
	o.stderr = &lineWriter{stream: Stderr, add: o.add}
	if f == nil {
		close(o.delivered)
		return o
	}
	o.queue = make(chan Line, maxQueueLines)
	go o.deliver(f) // close ends it, and waits for it for a limited time
	return o
}

// deliver calls f with each queued line until the queue is closed and empty.
func (o *output) deliver(f func(Line)) {
	defer close(o.delivered)
	for line := range o.queue {
		o.queued.Add(-int64(len(line.Text)))
		f(line)
	}
}

// add receives one line; raw is valid only during the call.
func (o *output) add(stream string, raw []byte, truncated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keepLocked(raw)
	if o.queue == nil {
		return
	}
	// Only this method adds to the queue, so the room found here stays until the
	// lock is released.
	if len(o.queue) == cap(o.queue) || o.queued.Load()+int64(len(raw)) > maxQueueBytes {
		o.dropped.Add(1)
		return
	}
	line := Line{Stream: stream, Text: explain.Clean(raw), Truncated: truncated}
	o.queued.Add(int64(len(line.Text)))
	o.queue <- line
}

// keepLocked adds raw to the tail, unless it is blank.
func (o *output) keepLocked(raw []byte) {
	if isBlank(raw) {
		return
	}
	raw = raw[:min(len(raw), tailLineBytes)]
	if len(o.tail) < tailLines {
		o.tail = append(o.tail, slices.Clone(raw))
		return
	}
	oldest := o.tail[0]
	copy(o.tail, o.tail[1:])
	o.tail[tailLines-1] = append(oldest[:0], raw...)
}

// lastLines returns the tail as text.
func (o *output) lastLines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := make([]string, 0, len(o.tail))
	for _, raw := range o.tail {
		lines = append(lines, cutText(explain.Clean(raw), tailLineBytes))
	}
	return lines
}

// close ends the output after the last write. It adds the last lines that have no
// line ending, and waits up to limit until Spec.Output has received all lines. It
// drops those that are left then: outputs of ended children must not accumulate
// when Spec.Output blocks.
func (o *output) close(limit time.Duration) {
	o.stdout.flush()
	o.stderr.flush()
	if o.queue == nil {
		return
	}
	close(o.queue)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-o.delivered:
	case <-timer.C:
		for range o.queue {
			o.dropped.Add(1)
		}
	}
}
