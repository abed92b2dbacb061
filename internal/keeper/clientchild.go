package keeper

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"syscall"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/cgroup"
)

// child is an instance as its worker knows it: a child of the keeper.
type child struct {
	client *Client
	id     string
	pid    int
	group  *cgroup.Group
	ended  chan struct{}

	mu   sync.Mutex    // guards all below
	exit *process.Exit // set before ended is closed
}

// addChild notes a child, before the keeper can report its end.
func (c *Client) addChild(in *Instance) *child {
	x := &child{client: c, id: in.ID, pid: in.PID, group: cgroup.At(in.Cgroup), ended: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.children[in.ID] = x
	return x
}

// exited notes the end of a child.
func (c *Client) exited(e exitedReport) {
	c.mu.Lock()
	x := c.children[e.ID]
	delete(c.children, e.ID)
	c.mu.Unlock()
	if x != nil {
		x.end(e.Exit)
	}
}

// end has the child be one that has ended.
func (x *child) end(exit process.Exit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.exit == nil {
		x.exit = &exit
		close(x.ended)
	}
}

// spawn has the keeper fork a child.
func (c *Client) spawn(id string, command process.Command, spec *process.Spec) (process.Child, process.Pipes, error) {
	held := make([]int, 0, len(spec.Held))
	for _, f := range spec.Held {
		fd, err := numberOf(f)
		if err != nil {
			return nil, process.Pipes{}, err
		}
		held = append(held, fd)
	}
	r, err := c.request(context.Background(), kindSpawn, spawnRequest{ID: id, Label: spec.Label, Command: command}, nil, held...)
	if err != nil {
		return nil, process.Pipes{}, err
	}
	if r.Kind == kindDone {
		return nil, process.Pipes{}, r.done()
	}
	if r.err == nil && len(r.fds) != 2 {
		r.err = errors.New("no output came with it, as this process has too many open files")
		_ = r.child.Kill()
	}
	if r.err != nil {
		closeAll(r.fds)
		return nil, process.Pipes{}, r.err
	}
	return r.child, pipesOf(r.fds), nil
}

// PID implements process.Child.
func (x *child) PID() int { return x.pid }

// Terminate implements process.Child.
func (x *child) Terminate() error { return x.signal(syscall.SIGTERM) }

// Kill implements process.Child.
func (x *child) Kill() error { return x.signal(syscall.SIGKILL) }

// signal has the keeper send a signal. It does not wait for that.
func (x *child) signal(s syscall.Signal) error {
	if x.Reaped() {
		return nil
	}
	return x.client.conn.send(kindSignal, 0, signalRequest{ID: x.id, Signal: s})
}

// Ended implements process.Child.
func (x *child) Ended() <-chan struct{} { return x.ended }

// Exit implements process.Child.
func (x *child) Exit() process.Exit {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.exit == nil {
		return process.Exit{}
	}
	return *x.exit
}

// Reaped implements process.Child. The keeper reports it some time later.
func (x *child) Reaped() bool {
	select {
	case <-x.ended:
		return true
	default:
		return false
	}
}

// Cgroup implements process.Child.
func (x *child) Cgroup() *cgroup.Group { return x.group }

// newBadStart returns an error of a start as a message.
func newBadStart(err error) *badStart {
	bad := &badStart{Text: err.Error()}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		bad.Op, bad.Path = path.Op, path.Path
		bad.Errno, _ = errors.AsType[syscall.Errno](path.Err)
	}
	return bad
}

// err returns the error again.
func (b *badStart) err() error {
	if b.Errno == 0 {
		return errors.New(b.Text)
	}
	return &fs.PathError{Op: b.Op, Path: b.Path, Err: b.Errno}
}
