package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/dynlb/dynlb/internal/process"
)

// greet says hello, and takes what the keeper has.
func (c *Client) greet(version string) error {
	if err := c.conn.send(kindHello, 0, Hello{Protocol: Protocol, Version: version}); err != nil {
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
			if err := c.inherit(fds); err != nil {
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
func (c *Client) inherit(fds []int) error {
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
	c.listeners = append(c.listeners, l)
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
			c.queue <- Event{Running: &a}
		}
		return err
	}
	closeAll(fds)
	switch m.Kind {
	case kindServe:
		serve, err := body[Serve](m)
		if err == nil {
			c.queue <- Event{Serve: &serve}
		}
		return err
	case kindRetire:
		c.queue <- Event{Retire: true}
	case kindInFlight:
		in, err := body[InFlight](m)
		if err == nil {
			c.queue <- Event{InFlight: &in}
		}
		return err
	case kindStep:
		step, err := body[Step](m)
		if err == nil {
			c.report(m.Seq, step)
		}
		return err
	case kindExited:
		e, err := body[exitedReport](m)
		if err == nil {
			c.exited(e)
		}
		return err
	}
	return nil // another kind is one of a later version
}

// answer passes a reply on to the request.
func (c *Client) answer(r reply) {
	c.mu.Lock()
	to := c.replies[r.Seq]
	delete(c.replies, r.Seq)
	c.mu.Unlock()
	if to == nil {
		closeAll(r.fds)
		return
	}
	to <- r
}

// report passes a step on to the request.
func (c *Client) report(seq uint64, step Step) {
	c.mu.Lock()
	do := c.steps[seq]
	c.mu.Unlock()
	if do != nil {
		do(step)
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

// request sends a request and waits for its reply.
func (c *Client) request(ctx context.Context, k kind, content any, step func(Step), fds ...int) (reply, error) {
	seq := c.seq.Add(1)
	got := make(chan reply, 1)
	c.mu.Lock()
	c.replies[seq] = got
	if step != nil {
		c.steps[seq] = step
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.replies, seq)
		delete(c.steps, seq)
	}()
	if err := c.conn.send(k, seq, content, fds...); err != nil {
		return reply{}, err
	}
	select {
	case r := <-got:
		return r, nil
	case <-c.lost:
		return reply{}, ErrLost
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
}

// done returns the error of a request whose reply has nothing else.
func (r reply) done() error {
	closeAll(r.fds)
	d, err := body[doneReply](r.message)
	switch {
	case err != nil:
		return err
	case d.Retired:
		return ErrRetired
	case d.Error != "":
		return errors.New(d.Error)
	default:
		return nil
	}
}

// listen is Listen.
func (c *Client) listen(ctx context.Context, all []net.Listener) error {
	var fds []int
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close() // the keeper has duplicates
		}
	}()
	for _, l := range all {
		source, ok := l.(interface{ File() (*os.File, error) })
		if !ok {
			return fmt.Errorf("give listener to keeper: %T has no socket", l)
		}
		f, err := source.File()
		if err != nil {
			return fmt.Errorf("give listener to keeper: %w", err)
		}
		files = append(files, f)
		fd, err := numberOf(f)
		if err != nil {
			return fmt.Errorf("give listener to keeper: %w", err)
		}
		fds = append(fds, fd)
	}
	r, err := c.request(ctx, kindListen, struct{}{}, nil, fds...)
	if err != nil {
		return err
	}
	return r.done()
}

// upgrade is Upgrade.
func (c *Client) upgrade(ctx context.Context, path string, step func(Step)) error {
	r, err := c.request(ctx, kindUpgrade, upgradeRequest{path}, step)
	if err != nil {
		return err
	}
	return r.done()
}

// numberOf returns the descriptor of a file. File.Fd would have it block, and with it all
// duplicates of it, those of other processes too.
func numberOf(f *os.File) (number int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	err = raw.Control(func(fd uintptr) { number = int(fd) })
	return number, err
}
