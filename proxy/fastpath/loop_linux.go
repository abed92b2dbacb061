package fastpath

import (
	"math"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

const (
	// batch is how many events are taken at a time. It bounds how long what epoll
	// said can be out of date.
	batch = 128
	// stint is how long a loop that finds no time to wait keeps its processor
	// before it lets other goroutines have it.
	stint = int64(500 * time.Microsecond)
	// watchful is how long a loop that has something in flight waits at most, in
	// milliseconds: so that it knows whether time goes by as it should.
	watchful = 1000
	// patience is how many full batches in a row may put the timers off.
	patience = 64
)

// loop is one thread of the engine. But for inbox and what is atomic, it is
// touched by its own goroutine only.
type loop struct {
	engine *Engine
	inbox  *inbox
	load   atomic.Int64 // open connections of clients
	epoll  int
	table  []*conn // by descriptor
	turns  uint32  // counts the connections there were
	again  []*conn // that have something to do without an event
	wheel  wheel
	pools  []*pool

	base   time.Time // what now counts from
	now    int64     // the time at which this turn began
	yields int64     // when others were let in last
	date   date

	settings  *settings.Settings
	requests  []*http1.Request  // spare
	responses []*http1.Response // spare
	exchanges []*exchange       // spare
	buffers   buffers
	pipes     []*pipe // spare
	listeners []*listening
	peer      unix.RawSockaddrAny // who was accepted last
	in        []byte              // what is read, if nothing is held before it
	out       []byte              // what is being written anew
	vector    [4]unix.Iovec
	events    [batch]unix.EpollEvent

	flights int    // exchanges and tunnels
	lingers int    // connections that linger
	drained func() // called when the engine shuts down, and there are none of these
	stopped bool
	crowded bool // there may be more events than were taken
}

func newLoop(e *Engine) (*loop, error) {
	l := &loop{
		engine:   e,
		base:     time.Now(),
		in:       make([]byte, chunkSize),
		out:      make([]byte, 0, chunkSize+4<<10),
		settings: e.settings.Load(),
	}
	l.clock(0)
	l.wheel.done = l.now >> tickBits
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.inbox, err = newInbox(); err != nil {
		_ = unix.Close(l.epoll)
		return nil, err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(l.inbox.wake)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.inbox.wake, &event); err != nil {
		_ = unix.Close(l.epoll)
		l.inbox.close()
		return nil, err
	}
	return l, nil
}

// run is the loop. It ends with stop.
func (l *loop) run() {
	for full := 0; !l.stopped; {
		l.clock(0) // a turn takes no time to speak of
		n, most := l.wait()
		l.clock(most)
		l.turn(n)
		for _, n := range l.inbox.take() {
			l.read(n)
		}
		// What has arrived comes before what did not arrive in time.
		full++
		if n < batch || full > patience {
			full = 0
			l.wheel.advance(l.now)
		}
		l.settle()
		if l.now-l.yields > stint {
			l.yields = l.now
			runtime.Gosched()
		}
	}
	l.end()
}

// clock reads the time. Since it was read last, no more than most can have passed
// unless the loop was held up, in a stopped process say. What is far beyond that does
// not count: whoever seems to be late by it is not.
func (l *loop) clock(most int64) {
	now := int64(time.Since(l.base)) + 1<<tickBits
	if lost := now - l.now - most - int64(settings.HeldUp); lost > 0 {
		l.base = l.base.Add(time.Duration(lost))
		now -= lost
	}
	l.now = now
}

// wait takes events, and waits for the first if there is nothing else to do. It
// returns how long that takes at most, too.
func (l *loop) wait() (n int, most int64) {
	if len(l.again) > 0 {
		return l.poll(), 0
	}
	l.inbox.asleep.Store(true)
	timeout := 0
	if !l.inbox.full.Load() {
		timeout = l.wheel.until(l.now)
	}
	if l.flights > 0 {
		timeout = min(timeout, watchful) // or for ever, when nothing is due
	}
	if most = int64(timeout) * int64(time.Millisecond); timeout < 0 {
		most = math.MaxInt64 / 2 // nothing is due ever
	}
	got, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events)), batch, uintptr(timeout), 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	l.inbox.asleep.Store(false)
	if errno != 0 { // EINTR: the process may have been stopped, and there may be events
		return l.poll(), most
	}
	return int(got), most
}

// poll takes events.
func (l *loop) poll() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events)), batch, 0, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0
	}
	return int(n)
}

// turn handles n events, and what was left to do.
func (l *loop) turn(n int) {
	l.crowded = n == batch
	for i := range l.events[:n] {
		if c := l.find(&l.events[i]); c != nil {
			c.ready |= l.events[i].Events
		}
	}
	for i := range l.events[:n] {
		if c := l.find(&l.events[i]); c != nil {
			c.step()
		} else if fd := l.events[i].Fd; int(fd) == l.inbox.wake {
			l.inbox.woken()
		} else {
			l.knock(socket(fd))
		}
	}
	left := len(l.again)
	for i := range left {
		c := l.again[i]
		c.queued = false
		c.step()
	}
	n = copy(l.again, l.again[left:])
	clear(l.again[n:])
	l.again = l.again[:n]
}

// find returns whom an event is for, if it is still there.
func (l *loop) find(e *unix.EpollEvent) *conn {
	if int(e.Fd) >= len(l.table) {
		return nil
	}
	c := l.table[e.Fd]
	if c == nil || c.turn != uint32(e.Pad) {
		return nil
	}
	return c
}

// add puts a connection into the loop.
func (l *loop) add(c *conn) error {
	l.turns++
	c.loop, c.turn, c.timer.owner = l, l.turns, c
	event := unix.EpollEvent{Events: interest, Fd: int32(c.fd), Pad: int32(c.turn)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, int(c.fd), &event); err != nil {
		return err
	}
	for int(c.fd) >= len(l.table) {
		l.table = append(l.table, nil)
	}
	l.table[c.fd] = c
	return nil
}

// later has c step in the next turn, though there may be no event.
func (l *loop) later(c *conn) {
	if !c.queued {
		c.queued = true
		l.again = append(l.again, c)
	}
}

// read does what a note says.
func (l *loop) read(n note) {
	switch {
	case n.exchange != nil:
		n.exchange.granted(n.lease, n.err)
	case n.do != nil:
		n.do()
	default:
		l.enter(n.arrival)
	}
}

// landed is called when an exchange or tunnel has ended.
func (l *loop) landed() {
	l.flights--
}

// settle tells when nothing is left to wait for.
func (l *loop) settle() {
	if l.flights == 0 && l.lingers == 0 && l.drained != nil {
		l.drained()
		l.drained = nil
	}
}

// end lets go of what the loop has.
func (l *loop) end() {
	for _, c := range l.table {
		if c != nil {
			c.close()
		}
	}
	for _, n := range l.inbox.close() {
		l.read(n)
	}
	if l.drained != nil { // one of these asked to be told
		l.drained()
	}
	for _, p := range l.pipes {
		l.closePipe(p)
	}
	for len(l.listeners) > 0 {
		l.unlisten(l.listeners[0].acceptor)
	}
	_ = unix.Close(l.epoll)
}
