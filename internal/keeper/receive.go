package keeper

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/dynlb/dynlb/internal/process"
)

// spoken is the protocol of this worker; tests have another.
var spoken = Protocol

// greet says hello, and takes what the keeper has.
func (c *Client) greet(version string) error {
	if err := c.conn.send(kindHello, 0, Hello{Protocol: spoken, Version: version}); err != nil {
		return err
	}
	for {
		m, fds, err := c.conn.receive()
		if err != nil {
			return fmt.Errorf("greet keeper: %w", err)
		}
		switch m.Kind {
		case kindRunning:
			a, err := c.running(m, fds)
			if err != nil {
				return err
			}
			c.adopted = append(c.adopted, a)
			c.welcome.Instances = append(c.welcome.Instances, a.Instance)
		case kindListener:
			if err := c.inherit(m, fds); err != nil {
				return err
			}
		case kindWelcome:
			closeAll(fds)
			w, err := body[Welcome](m)
			if err != nil {
				return err
			}
			w.Instances, w.Listeners = c.welcome.Instances, c.welcome.Listeners
			c.welcome = w
			return nil
		default:
			closeAll(fds) // of a later version
		}
	}
}

// inherit takes a listening socket. One that is of no use stays with the keeper.
func (c *Client) inherit(m message, fds []int) error {
	if len(fds) != 1 {
		closeAll(fds)
		return errors.New("greet keeper: a listener has no socket")
	}
	file := os.NewFile(uintptr(fds[0]), "listener")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		c.welcome.BadListeners = append(c.welcome.BadListeners, err)
		return nil
	}
	info, err := body[listenerInfo](m)
	if err != nil {
		return err
	}
	c.listeners = append(c.listeners, Socket{info.Name, l})
	c.welcome.Listeners = append(c.welcome.Listeners, l.Addr().String())
	return nil
}

// running takes an instance that another worker has started.
func (c *Client) running(m message, fds []int) (Adopted, error) {
	in, err := body[Instance](m)
	if err == nil && len(fds) != 2 {
		err = errors.New("greet keeper: an instance has no output")
	}
	if err != nil {
		closeAll(fds)
		return Adopted{}, err
	}
	child := c.addChild(&in)
	if in.Exit != nil {
		child.end(*in.Exit)
	}
	return Adopted{Instance: in, child: child, pipes: pipesOf(fds)}, nil
}

// pipesOf returns the pipes with these descriptors.
func pipesOf(fds []int) process.Pipes {
	return process.Pipes{Stdout: os.NewFile(uintptr(fds[0]), "stdout"), Stderr: os.NewFile(uintptr(fds[1]), "stderr")}
}

// run receives until the keeper closes the socket.
func (c *Client) run() {
	defer close(c.queue)
	for {
		m, fds, err := c.conn.receive()
		if err == nil {
			err = c.handle(m, fds)
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) {
				err = ErrLost
			}
			close(c.lost)
			c.queue <- Event{Lost: err}
			return
		}
	}
}

// handle carries out one message.
func (c *Client) handle(m message, fds []int) error {
	switch m.Kind {
	case kindSpawned:
		s, err := body[spawnReply](m)
		r := reply{message: m, fds: fds, err: err}
		if err == nil && s.Error != nil {
			r.err = s.Error.err()
		} else if err == nil {
			r.child = c.addChild(&s.Instance) // before its end is received
		}
		c.answer(r)
		return nil
	case kindDone:
		c.answer(reply{message: m, fds: fds})
		return nil
	case kindRunning:
		a, err := c.running(m, fds)
		if err == nil {
			c.mu.Lock()
			c.adopted = append(c.adopted, a)
			c.mu.Unlock()
		}
		return err
	default: // no other kind has descriptors
		closeAll(fds)
	}
	switch m.Kind {
	case kindStep:
		c.answer(reply{message: m})
	case kindExited:
		e, err := body[exitedReport](m)
		if err == nil {
			c.exited(e)
		}
		return err
	default:
		e, err := eventOf(m)
		if err == nil && e != (Event{}) {
			c.queue <- e
		}
		return err
	}
	return nil
}

// eventOf returns the event that a message is; none for a kind of a later version.
func eventOf(m message) (e Event, err error) {
	switch m.Kind {
	case kindServe:
		var s Serve
		s, err = body[Serve](m)
		e.Serve = &s
	case kindRetire:
		var r retireRequest
		r, err = body[retireRequest](m)
		e.Retire, e.MayRefuse = true, r.MayRefuse
	case kindReport:
		var r Report
		r, err = body[Report](m)
		e.Report = &r
	case kindInFlight:
		var in InFlight
		in, err = body[InFlight](m)
		e.InFlight = &in
	default:
	}
	return e, err
}

// answer passes a reply or a step on to the request. It does not wait: the reader of the steps
// may be slow.
func (c *Client) answer(r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := c.replies[r.Seq]
	switch {
	case to == nil:
		closeAll(r.fds)
	case r.Kind == kindStep:
		if len(to) < maxSteps { // the rest is for the reply
			to <- r
		}
	default:
		delete(c.replies, r.Seq)
		to <- r
	}
}

// pass passes events on without bound: run must never wait for their reader, who may wait
// for a reply.
func (c *Client) pass() {
	defer close(c.events)
	var waiting []Event
	queue := c.queue
	for queue != nil || len(waiting) > 0 {
		var to chan<- Event
		var next Event
		if len(waiting) > 0 {
			to, next = c.events, waiting[0]
		}
		select {
		case e, ok := <-queue:
			if !ok {
				queue = nil
				continue
			}
			waiting = append(waiting, e)
		case to <- next:
			waiting = waiting[1:]
		}
	}
}
