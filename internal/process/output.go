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
	maxLine       = 16 << 10 // bytes of a line, as the child printed it
	maxQueueBytes = 1 << 20  // bytes of the lines that wait for Spec.Output
	lineOverhead  = 64       // bytes that a line in the queue takes beside its text
	tailLines     = 20       // lines of Process.Tail
	tailLineBytes = 512      // bytes of each
)

const (
	// outputWait is how long a full queue slows the child before lines are dropped.
	// A log that is read makes room within milliseconds. A child that writes its log
	// synchronously serves no request meanwhile, so it is shorter than the time in
	// which health checks replace an instance.
	outputWait = 2 * time.Second
	// dropReportDelay is the time from a dropped line to the call of Spec.Dropped,
	// which covers all lines dropped in between.
	dropReportDelay = 500 * time.Millisecond
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

// output receives what the child prints on both streams. It keeps the last lines,
// and queues lines for Spec.Output. A full queue blocks the stream, and so the child
// once its pipe is full, for outputWait. After that, lines are dropped without
// another wait until half of the queue is free: a log that is not read must not
// hold the child without end.
type output struct {
	stdout, stderr *lineWriter

	f         func(Line) error // nil without Spec.Output
	report    func(uint64)     // Spec.Dropped; may be nil
	delivered chan struct{}    // closed when deliver has returned
	dropped   atomic.Uint64

	mu        sync.Mutex // guards all below
	changed   sync.Cond  // signals every change of the queue, late and closed
	queue     []Line
	queued    int         // bytes that the queue takes
	late      bool        // a wait took outputWait: drop lines until there is room
	closed    bool        // no line is added any more
	reporting *time.Timer // set from a dropped line until its report
	tail      [][]byte    // raw lines, oldest first; the arrays are reused
}

func newOutput(f func(Line) error, report func(uint64)) *output {
	o := &output{f: f, report: report, delivered: make(chan struct{})}
	o.changed.L = &o.mu
	o.stdout = &lineWriter{stream: Stdout, add: o.add}
	o.stderr = &lineWriter{stream: Stderr, add: o.add}
	if f == nil {
		close(o.delivered)
		return o
	}
	go o.deliver() // close ends it, and waits for it for a limited time
	return o
}

// size returns how many bytes of the queue a line takes.
func (l *Line) size() int { return len(l.Text) + lineOverhead }

// deliver calls f with each queued line until the output is closed and the queue is
// empty. A line for which f fails counts as dropped.
func (o *output) deliver() {
	defer close(o.delivered)
	for {
		line, ok := o.next()
		if !ok {
			return
		}
		if o.f(line) != nil {
			o.mu.Lock()
			o.dropLocked(1)
			o.mu.Unlock()
		}
	}
}

// next waits for a line and takes it from the queue. It returns false at the end.
func (o *output) next() (Line, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) == 0 {
		if o.closed {
			return Line{}, false
		}
		o.changed.Wait()
	}
	line := o.queue[0]
	o.queue[0] = Line{} // its text can be freed before the array is
	o.queue = o.queue[1:]
	o.queued -= line.size()
	if o.queued <= maxQueueBytes/2 {
		o.late = false
	}
	o.changed.Broadcast()
	return line, true
}

// add receives one line; raw is valid only during the call.
func (o *output) add(stream string, raw []byte, truncated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keepLocked(raw)
	if o.f == nil {
		return
	}
	if !o.awaitRoomLocked(len(raw) + lineOverhead) {
		o.dropLocked(1)
		return
	}
	line := Line{Stream: stream, Text: explain.Clean(raw), Truncated: truncated}
	o.queue = append(o.queue, line)
	o.queued += line.size()
	o.changed.Broadcast()
}

// awaitRoomLocked waits for room for size bytes, and reports whether there is. It
// does not wait when a line was dropped and the queue has been nearly full since.
func (o *output) awaitRoomLocked(size int) bool {
	room := func() bool { return o.queued+size <= maxQueueBytes }
	if room() || o.late {
		return !o.late
	}
	timer := time.AfterFunc(outputWait, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if !room() {
			o.late = true
		}
		o.changed.Broadcast()
	})
	defer timer.Stop()
	for !room() && !o.late {
		o.changed.Wait()
	}
	return !o.late
}

// dropLocked counts dropped lines, and has them reported soon.
func (o *output) dropLocked(lines int) {
	o.dropped.Add(uint64(lines))
	if o.report != nil && o.reporting == nil && !o.closed {
		o.reporting = time.AfterFunc(dropReportDelay, o.reportDropped)
	}
}

func (o *output) reportDropped() {
	o.mu.Lock()
	o.reporting = nil
	o.mu.Unlock()
	o.report(o.dropped.Load())
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
	o.mu.Lock()
	o.closed = true
	if o.reporting != nil {
		o.reporting.Stop()
	}
	o.changed.Broadcast()
	o.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-o.delivered:
	case <-timer.C:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.dropLocked(len(o.queue))
		o.queue, o.queued = nil, 0
	}
}
