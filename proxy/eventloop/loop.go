//go:build linux

package eventloop

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// MaxRounds is how many reads or writes a handler does on one connection in one
	// turn, at ChunkSize each: 256 KiB take the kernel about 50 µs.
	MaxRounds = 4
	// maxTurn is how long a loop that always finds work keeps its processor before it
	// yields to other goroutines, and maxKept is that if there is another processor for
	// these: to yield wakes a thread there, which takes 15 µs in all. After 10 ms Go's
	// scheduler interrupts a goroutine, which takes longer still.
	maxTurn = int64(500 * time.Microsecond)
	maxKept = int64(9 * time.Millisecond)
	// maxWait bounds how long a busy loop waits, in milliseconds. The clock notices a
	// hold-up only if it is longer than the wait.
	maxWait = 1000
	// maxFullTurns is how many full batches of events in a row may put the timers off.
	maxFullTurns = 64
)

// Protocol is the protocol that the connections of one loop speak.
type Protocol interface {
	// Accept takes on a socket that the loop has accepted. It calls
	// Loop.AddAccepted.
	Accept(from Arrival)
}

// Loop is one event loop. Except for Post, all methods are for its goroutine: for
// its protocol, handlers, tasks and timer owners.
type Loop struct {
	group    *Group
	protocol Protocol
	poller   poller
	inbox    inbox
	wheel    wheel
	clock    clock
	load     atomic.Int64 // accepted connections that are open
	table    []*Conn      // by descriptor
	turns    uint32       // counts the connections there were
	again    []*Conn      // those that called Later
	last     []Task       // of this turn; see AtTurnEnd
	yielded  int64        // when the loop last yielded to other goroutines
	maxTurn  int64        // after which it does so again

	buffers   Buffers
	pipes     []*Pipe // spare
	listeners []*listening
	peer      unix.RawSockaddrAny // of the connection that was accepted last
	in        []byte              // connections that hold nothing read into it
	cipherIn  []byte              // the same for TLS; nil before the first connection of TLS
	cipherOut []byte              // for what is encrypted
	vector    [4]unix.Iovec

	busy      int    // see Begin
	afterTurn func() // see AfterTurn
	stopped   bool
	crowded   bool // there may be more events than were taken
}

// newLoop returns a loop of a group. run runs it; end closes its descriptors.
func newLoop(g *Group) (*Loop, error) {
	l := &Loop{group: g, clock: newClock(), in: make([]byte, ChunkSize)}
	l.wheel.done = l.clock.now >> tickBits
	if err := l.poller.open(); err != nil {
		return nil, err
	}
	l.inbox.poller = &l.poller
	l.maxTurn = maxTurn
	if l.poller.keeps = g.keep; g.keep {
		l.maxTurn = maxKept
	}
	l.protocol = g.options.Protocol(l)
	return l, nil
}

// run is the loop. It ends after Stop.
func (l *Loop) run() {
	for full := 0; !l.stopped; {
		l.clock.read(0) // a turn takes no time that counts
		n, limit := l.wait()
		l.clock.read(limit)
		l.turn(n)
		for _, task := range l.inbox.take() {
			task.Run()
		}
		// Events come before timers, unless a busy loop would never get to them.
		full++
		if n < batch || full > maxFullTurns {
			full = 0
			l.wheel.advance(l.clock.now)
		}
		if len(l.last) > 0 {
			l.runLast()
		}
		if l.afterTurn != nil {
			l.afterTurn()
		}
		if l.clock.now-l.yielded > l.maxTurn {
			l.yielded = l.clock.now
			runtime.Gosched()
		}
	}
	l.end()
}

// wait takes events, and waits for the first one if there is nothing else to do. It
// returns how many there are, and how long waiting was to take at most.
func (l *Loop) wait() (n int, limit int64) {
	if len(l.again) > 0 {
		return l.poller.poll(), 0
	}
	l.inbox.asleep.Store(true)
	timeout := 0
	if !l.inbox.full.Load() {
		timeout = l.wheel.until(l.clock.now)
	}
	if l.busy > 0 {
		timeout = min(timeout, maxWait) // or without end, when nothing is due
	}
	if limit = int64(timeout) * int64(time.Millisecond); timeout < 0 {
		limit = math.MaxInt64 / 2 // nothing is due ever
	}
	n, ok := l.poller.wait(timeout)
	l.inbox.asleep.Store(false)
	if !ok { // the process may have been stopped, and there may be events
		return l.poller.poll(), limit
	}
	return n, limit
}

// turn handles n events, and the connections that called Later.
func (l *Loop) turn(n int) {
	l.crowded = n == batch
	for i := range l.poller.events[:n] {
		if c := l.find(&l.poller.events[i]); c != nil {
			c.ready |= events(l.poller.events[i].Events)
		}
	}
	for i := range l.poller.events[:n] {
		if c := l.find(&l.poller.events[i]); c != nil {
			c.handler.Ready()
		} else if fd := l.poller.events[i].Fd; int(fd) == l.poller.wakeup {
			l.poller.woken()
		} else {
			l.acceptReady(Socket(fd))
		}
	}
	count := len(l.again)
	for i := range count {
		c := l.again[i]
		c.queued = false
		if c.loop != nil { // else it was closed meanwhile
			c.handler.Ready()
		}
	}
	n = copy(l.again, l.again[count:])
	clear(l.again[n:])
	l.again = l.again[:n]
}

// find returns the connection that an event is for, if it is still there.
func (l *Loop) find(e *unix.EpollEvent) *Conn {
	if int(e.Fd) >= len(l.table) {
		return nil
	}
	c := l.table[e.Fd]
	if c == nil || c.turn != uint32(e.Pad) {
		return nil
	}
	return c
}

// Post has the loop run a task, in this turn or the next one. Any goroutine may
// call it. It reports whether the task will run: it does not once the loop has
// ended.
func (l *Loop) Post(task Task) bool { return l.inbox.post(task) }

// Tasks returns how many tasks wait to run. Any goroutine may call it.
func (l *Loop) Tasks() int {
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	return len(l.inbox.tasks)
}

// Now returns the loop's time at the beginning of this turn, in nanoseconds. It is
// never 0.
func (l *Loop) Now() int64 { return l.clock.now }

// Protocol returns the protocol of the loop's connections.
func (l *Loop) Protocol() Protocol { return l.protocol }

// Crowded reports whether the kernel may have more events than this turn took. The
// readiness of connections may be out of date then.
func (l *Loop) Crowded() bool { return l.crowded }

// Buffers returns the loop's memory for bytes that wait.
func (l *Loop) Buffers() *Buffers { return &l.buffers }

// Begin notes that an operation is under way, and End that one is over. In between,
// the loop waits a second at most, so that its clock notices when it is held up. Busy
// returns the number of operations.
func (l *Loop) Begin() { l.busy++ }

// End undoes one Begin.
func (l *Loop) End() { l.busy-- }

// Busy returns the number of operations that are under way.
func (l *Loop) Busy() int { return l.busy }

// AtTurnEnd has a task run at the end of this turn, once: when all events of the turn were
// handled, a task knows all that there is to write to a connection.
func (l *Loop) AtTurnEnd(task Task) { l.last = append(l.last, task) }

// runLast runs the tasks of AtTurnEnd, also those that they add.
func (l *Loop) runLast() {
	for i := 0; i < len(l.last); i++ {
		l.last[i].Run()
	}
	clear(l.last)
	l.last = l.last[:0]
}

// AfterTurn has a function called at the end of each turn, until it is nil again.
func (l *Loop) AfterTurn(f func()) { l.afterTurn = f }

// SetTimer makes a timer due at a time of the loop.
func (l *Loop) SetTimer(t *Timer, at int64) { l.wheel.set(t, at) }

// RemoveTimer takes a timer out of the loop, before its memory is used otherwise.
func (l *Loop) RemoveTimer(t *Timer) { l.wheel.take(t); t.Clear() }

// Conns calls do for each connection, which may close it.
func (l *Loop) Conns(do func(*Conn)) {
	for _, c := range l.table {
		if c != nil {
			do(c)
		}
	}
}

// Stop ends the loop after this turn. Its connections are closed.
func (l *Loop) Stop() { l.stopped = true }

// Stopped reports whether Stop was called.
func (l *Loop) Stopped() bool { return l.stopped }

// end closes the loop's connections and descriptors. Tasks that were posted in time
// still run.
func (l *Loop) end() {
	l.stopped = true
	for _, task := range l.inbox.close() {
		task.Run()
	}
	l.Conns((*Conn).Close)
	for _, p := range l.pipes {
		l.closePipe(p)
	}
	l.pipes = nil
	for len(l.listeners) > 0 {
		l.unlisten(l.listeners[0].acceptor)
	}
	l.poller.close()
}
