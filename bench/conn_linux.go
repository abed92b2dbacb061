package main

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A loadConn is one place of a load, on one connection after the other.
type loadConn struct {
	index    int
	fd       int // -1: none
	to       unix.SockaddrInet4
	request  []byte
	unsent   []byte // the end of a request that the socket did not take yet
	answer   answer
	begin    time.Time // of the request under way: when it was due, or sent
	freeAt   time.Time // open loop: since when it is free
	state    connState
	failures int
}

// connState is what a connection is doing.
type connState uint8

const (
	connFree connState = iota
	connBusy           // a request is under way
	connLast           // answered for the last time: the peer's end is awaited
	connDead           // no more: it failed too often, or the run is over
)

// open gives c a new connection and, in a closed loop, a request on it.
func (e *engine) open(c *loadConn) {
	for (e.phase != phaseOver || e.schedule != nil) && c.failures < maxFailures {
		if e.schedule == nil {
			c.begin = time.Now() // a connection's making is part of its first request
		}
		err := e.dial(c)
		if err == nil && e.schedule == nil {
			err = e.send(c)
		}
		if err == nil {
			if e.schedule != nil {
				e.release(c)
			}
			return
		}
		e.note(c, err)
	}
	e.shut(c)
	c.state = connDead
}

// dial begins to connect; what is written before that is done has to wait.
func (e *engine) dial(c *loadConn) error {
	e.shut(c)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	c.fd, c.state = fd, connFree
	e.result.Connections++
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	if err := unix.Connect(fd, &c.to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	return unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(c.index),
	})
}

// shut closes c's connection, if it has one.
func (e *engine) shut(c *loadConn) {
	if c.fd >= 0 {
		_ = unix.Close(c.fd) // which takes it out of the epoll
		c.fd = -1
	}
	c.unsent = nil
}

// send begins a request on c; c.begin is the caller's.
func (e *engine) send(c *loadConn) error {
	c.state, c.unsent = connBusy, c.request
	c.answer.reset(e.workload.status(), e.workload.bodyBytes)
	return e.flush(c)
}

// flush writes as much as the socket takes.
func (e *engine) flush(c *loadConn) error {
	for len(c.unsent) > 0 {
		n, err := unix.Write(c.fd, c.unsent)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("write request: %w", err)
		default:
			c.unsent = c.unsent[n:]
		}
	}
	return nil
}

// handle does what an event on c's connection asks for.
func (e *engine) handle(c *loadConn, events uint32) {
	if c.fd < 0 {
		return
	}
	if events&unix.EPOLLOUT != 0 {
		if err := e.flush(c); err != nil {
			e.fail(c, err)
			return
		}
	}
	ended := events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
	if events&unix.EPOLLIN != 0 || ended {
		e.receive(c, ended)
	}
}

// receive reads what there is. A read that does not fill the buffer has read it
// all (epoll(7)), unless the end of the stream is behind it.
func (e *engine) receive(c *loadConn, ended bool) {
	for fd := c.fd; c.fd == fd; {
		n, err := unix.Read(fd, e.buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil && c.state == connBusy:
			e.fail(c, fmt.Errorf("read answer: %w", err))
			return
		case err != nil, n == 0:
			e.ended(c)
			return
		}
		if !e.feed(c, e.buffer[:n]) || n < len(e.buffer) && !ended {
			return
		}
	}
}

// feed hands data to c's answer, and reports whether the connection lives on.
func (e *engine) feed(c *loadConn, data []byte) bool {
	if c.state != connBusy {
		e.fail(c, fmt.Errorf("%d bytes without a request", len(data)))
		return false
	}
	done, err := c.answer.feed(data)
	if err != nil {
		e.fail(c, err)
		return false
	}
	if done {
		e.finish(c)
	}
	return c.fd >= 0
}

// ended handles the end of c's stream. Between requests the peer may end it at any
// time.
func (e *engine) ended(c *loadConn) {
	if c.state == connBusy {
		if err := c.answer.end(); err != nil {
			e.fail(c, err)
			return
		}
		e.finish(c)
		if c.state != connLast {
			return
		}
	}
	e.unfree(c)
	e.open(c)
}

// fail counts a failure on c, and starts anew.
func (e *engine) fail(c *loadConn, err error) {
	e.note(c, err)
	e.unfree(c)
	e.open(c)
}

// note counts a failure.
func (e *engine) note(c *loadConn, err error) {
	c.failures++
	e.result.Failed++
	if e.result.Failed == 1 {
		e.result.FirstFailure = err.Error()
	}
}
