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

// What one child's output may occupy, however much it prints.
const (
	maxLine       = 16 << 10  // bytes of a line before cleaning
	maxQueueLines = 256       // lines waiting for Spec.Output
	maxQueueBytes = 512 << 10 // their text
	tailLines     = 20
	tailLineBytes = 512
)

// Line is one line that the child printed, safe for a log: valid UTF-8 without
// line ending, terminal escape sequences or control characters other than tab.
type Line struct {
	// Stream is Stdout or Stderr. Lines of one stream are in order; between
	// the two the order is that of arrival.
	Stream string
	// Text is the line; the last one may lack a line ending.
	Text string
	// Truncated tells that the line was longer than 16 KiB; the rest of it was
	// skipped. Such a line comes as soon as the limit is reached.
	Truncated bool
}

// output takes what both streams print and never blocks: it keeps the last
// lines, and queues lines for the Output function as far as there is room.
type output struct {
	stdout, stderr *lineWriter

	dropped   atomic.Uint64
	queued    atomic.Int64  // bytes of text in queue
	queue     chan Line     // nil without an Output function
	delivered chan struct{} // closed when deliver has returned

	mu   sync.Mutex // guards tail and the order of the queue
	tail [][]byte   // raw, oldest first, the arrays reused
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
	go o.deliver(f) // ended by close, which also waits for it
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

// add takes one line; raw is only valid during the call.
func (o *output) add(stream string, raw []byte, truncated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keepLocked(raw)
	if o.queue == nil {
		return
	}
	// Only this method fills the queue, so room seen under the lock stays.
	if len(o.queue) == cap(o.queue) || o.queued.Load()+int64(len(raw)) > maxQueueBytes {
		o.dropped.Add(1)
		return
	}
	line := Line{Stream: stream, Text: explain.Clean(raw), Truncated: truncated}
	o.queued.Add(int64(len(line.Text)))
	o.queue <- line
}

// keepLocked makes raw the newest line of the tail.
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

// close ends the output once nothing writes any more: it adds the unfinished
// last lines and waits up to limit for the Output function to get the rest. What
// it has not got by then is dropped, or outputs would pile up for want of a reader.
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
