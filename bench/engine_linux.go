package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An engine drives all connections of a load from one thread: one epoll and
// non-blocking sockets, with an event each time that one becomes readable or
// writable. All of it belongs to the goroutine of run.
type engine struct {
	load
	epoll    int
	deadline time.Time // no request outlives it
	phase    phase
	meters   meters
	schedule *schedule // open loop only

	conns  []loadConn
	free   []*loadConn // open loop: those without a request, longest free first
	buffer []byte      // for all reads
	now    time.Time   // when the event at hand came

	latency, late histogram
	result        loadResult
}

// phase is how far a run is. Answers in phaseWindow count.
type phase uint8

const (
	phaseWarmup phase = iota
	phaseWindow
	phaseOver // requests in flight finish
)

var errTimeout = errors.New("no answer: timeout")

// run drives all connections through warm-up and window. Failed requests are in
// the result; an error means that there is none.
func (l load) run(ctx context.Context) (loadResult, error) {
	// Timer slack is the thread's: see wait.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return loadResult{}, fmt.Errorf("set timer slack: %w", err)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return loadResult{}, fmt.Errorf("create epoll: %w", err)
	}
	e := &engine{load: l, epoll: fd, buffer: make([]byte, 256<<10)}
	defer e.close()
	if e.meters.peer, err = newGroupClock(l.group); err != nil {
		return loadResult{}, err
	}
	e.conns = make([]loadConn, l.workload.connections)
	for i := range e.conns {
		addr := l.addrs[i%len(l.addrs)]
		to, err := netip.ParseAddrPort(addr)
		if err != nil {
			return loadResult{}, err
		}
		e.conns[i] = loadConn{
			index: i, fd: -1, request: l.workload.request(addr),
			to: unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())},
		}
	}
	if err := e.drive(ctx); err != nil {
		return loadResult{}, err
	}
	return e.sumUp(), nil
}

// drive is the loop.
func (e *engine) drive(ctx context.Context) error {
	begin := time.Now()
	e.now = begin
	e.deadline = begin.Add(e.warmup + e.duration + e.grace)
	if e.rate > 0 {
		e.schedule = newSchedule(e.rate, begin)
	}
	for i := range e.conns {
		e.open(&e.conns[i])
	}
	var events [256]unix.EpollEvent
	for {
		if err := e.turn(begin); err != nil {
			return err
		}
		if e.phase == phaseOver && !e.unfinished() {
			return ctx.Err()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !e.now.Before(e.deadline) {
			e.timeOut()
			return nil
		}
		n, err := e.wait(events[:], e.untilNext(begin))
		if err != nil {
			return err
		}
		e.now = time.Now()
		for i := range events[:n] {
			e.handle(&e.conns[events[i].Fd], events[i].Events)
			e.sendDue()
		}
		e.sendDue()
	}
}

// turn moves from one phase to the next when it is time, and reads the meters.
func (e *engine) turn(begin time.Time) error {
	if e.phase == phaseWarmup && !e.now.Before(begin.Add(e.warmup)) {
		e.phase = phaseWindow
		return e.meters.readBegin()
	}
	if e.phase != phaseWindow {
		return nil
	}
	full := e.workload.fresh && e.result.Connections >= maxFresh
	if full || !e.now.Before(e.meters.begin.at.Add(e.duration)) || e.allGaveUp() {
		e.phase = phaseOver
		return e.meters.readEnd()
	}
	return nil
}

// untilNext is how long the engine may wait for events: to the end of the phase,
// or to the next request due. Never long, so that it sees the context's end.
func (e *engine) untilNext(begin time.Time) time.Duration {
	until := 50 * time.Millisecond
	now := time.Now()
	switch e.phase {
	case phaseWarmup:
		until = min(until, begin.Add(e.warmup).Sub(now))
	case phaseWindow:
		until = min(until, e.meters.begin.at.Add(e.duration).Sub(now))
	case phaseOver:
	}
	if e.schedule != nil && len(e.free) > 0 && e.due() {
		until = min(until, e.schedule.next.Sub(now))
	}
	return max(until, 0)
}

// wait is epoll_pwait2(2), whose time is in nanoseconds: epoll_wait's
// milliseconds are longer than most requests take. The thread's timer slack, 50
// µs by default, has been taken off.
func (e *engine) wait(events []unix.EpollEvent, d time.Duration) (int, error) {
	timeout := unix.NsecToTimespec(int64(d))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.epoll), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	default:
		return 0, fmt.Errorf("epoll_pwait2 (Linux 5.11): %w", errno)
	}
}

// sumUp is the run's result.
func (e *engine) sumUp() loadResult {
	r := e.result
	e.meters.fill(&r)
	r.Rate = e.rate
	r.P50, r.P99, r.P999 = e.latency.quantile(0.5), e.latency.quantile(0.99), e.latency.quantile(0.999)
	r.Max = e.latency.max
	r.Late = e.late.quantile(0.99)
	return r
}

func (e *engine) close() {
	for i := range e.conns {
		e.shut(&e.conns[i])
	}
	_ = unix.Close(e.epoll)
}
