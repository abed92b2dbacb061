package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// maxSteps is how many steps of an upgrade wait for their reader; more are dropped. There are
// four.
const maxSteps = 16

// request sends a request and waits for its reply. It calls step with the steps before that.
func (c *Client) request(ctx context.Context, k kind, content any, step func(Step), fds ...int) (reply, error) {
	seq := c.seq.Add(1)
	got := make(chan reply, maxSteps+1)
	c.mu.Lock()
	c.replies[seq] = got
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.replies, seq)
	}()
	if err := c.conn.send(k, seq, content, fds...); err != nil {
		return reply{}, err
	}
	for {
		select {
		case r := <-got:
			if r.Kind != kindStep {
				return r, nil
			}
			if s, err := body[Step](r.message); err == nil && step != nil {
				step(s)
			}
		case <-c.lost:
			return reply{}, ErrLost
		case <-ctx.Done():
			return reply{}, ctx.Err()
		}
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
func (c *Client) listen(ctx context.Context, all []Socket) error {
	var request listenRequest
	var fds []int
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close() // the keeper has duplicates
		}
	}()
	for _, l := range all {
		source, ok := l.Listener.(interface{ File() (*os.File, error) })
		if !ok {
			return fmt.Errorf("give listener to keeper: %T has no socket", l.Listener)
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
		request.Names = append(request.Names, l.Name)
	}
	r, err := c.request(ctx, kindListen, request, nil, fds...)
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
