package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/prelude"
	"github.com/dynlb/dynlb/internal/process"
)

// ErrLost reports that the keeper is gone. A worker ends with it.
var ErrLost = errors.New("the keeper of dynlb is gone")

// Event is what the keeper tells a worker. One of the fields is set.
type Event struct {
	// Serve tells the worker to serve: to accept, to read the output of the instances, and
	// to supervise them.
	Serve *Serve
	// Retire tells the worker that serves to freeze, to call Frozen within a second, to
	// finish what it has, and to call Bye.
	Retire bool
	// MayRefuse says, with Retire, that Refuse may be called in place of Frozen.
	MayRefuse bool
	// Report is the keeper's, after an upgrade that this worker does not know the end of.
	Report *Report
	// InFlight are the requests of a worker that drains.
	InFlight *InFlight
	// Lost says that the keeper is gone, or cannot be understood. It is the last event.
	Lost error
}

// Client is the worker's side of the keeper. Its methods are safe for concurrent use.
type Client struct {
	conn    *conn
	welcome Welcome
	events  chan Event
	queue   chan Event // to events, without bound
	seq     atomic.Uint64
	lost    chan struct{} // closed when the socket is closed

	mu        sync.Mutex // guards all below
	listeners []Socket
	children  map[string]*child       // by ID
	adopted   []Adopted               // not taken yet
	replies   map[uint64]chan<- reply // of requests under way
}

// reply is the answer to a request, or a step before it.
type reply struct {
	message
	fds   []int
	child *child // of the reply to a spawn
	err   error
}

// Adopted is an instance that ran before this worker did.
type Adopted struct {
	Instance
	child *child
	pipes process.Pipes
}

// Process returns the Process of the instance, and begins to read its output; pipes may
// change what that begins with. It is called once, after the event Serve. output and
// dropped are those of a process.Spec.
func (a Adopted) Process(pipes func(*process.Pipes), output func(process.Line) error, dropped func(uint64)) *process.Process {
	if pipes != nil {
		pipes(&a.pipes)
	}
	return process.Adopt(a.child, a.pipes, output, dropped)
}

// Dial says hello to the keeper that has started this process, and reads its welcome. It
// returns nil without an error if this process has no keeper.
func Dial(version string) (*Client, error) {
	text, ok := os.LookupEnv(prelude.KeeperVariable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(prelude.KeeperVariable) // no process that this one starts may have it
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("find keeper: %w", err)
	}
	c, err := newConn(os.NewFile(uintptr(fd), "keeper"))
	if err != nil {
		return nil, err
	}
	client := newClient(c)
	if err := client.greet(version); err != nil {
		c.close()
		return nil, err
	}
	go client.run()  // ends when the keeper closes the socket
	go client.pass() // ends with run
	return client, nil
}

func newClient(c *conn) *Client {
	return &Client{
		conn: c, events: make(chan Event), queue: make(chan Event), lost: make(chan struct{}),
		children: map[string]*child{}, replies: map[uint64]chan<- reply{},
	}
}

// Welcome returns what the keeper said first.
func (c *Client) Welcome() Welcome { return c.welcome }

// Events returns the channel of what the keeper says later. It is read to its end, the
// event Lost; nothing is lost when the reader is slow.
func (c *Client) Events() <-chan Event { return c.events }

// Socket is a listener with the name that a worker has for it. One that systemd has given
// has none.
type Socket struct {
	Name string
	net.Listener
}

// Listener returns a listener that the keeper had at Dial and that fits, which then
// belongs to the caller. It is nil when none does.
func (c *Client) Listener(fits func(Socket) bool) net.Listener {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.listeners, fits)
	if i < 0 {
		return nil
	}
	l := c.listeners[i].Listener
	c.listeners = slices.Delete(c.listeners, i, i+1)
	return l
}

// CloseListeners closes the listeners that Listener has not returned, and returns their
// addresses. The keeper has them until Listen.
func (c *Client) CloseListeners() (addresses []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.listeners {
		addresses = append(addresses, l.Addr().String())
		_ = l.Close() // it has accepted no connection
	}
	c.listeners = nil
	return addresses
}

// Listen has the keeper hold duplicates of these listeners, and of no others: sockets that
// it held before are closed in the keeper when Listen returns. So a worker calls it after
// it has opened a listener, and before it closes one for good. Nil: the keeper holds none.
// After Retire it returns ErrRetired, and what the keeper holds stays.
func (c *Client) Listen(ctx context.Context, all []Socket) error {
	return c.listen(ctx, all)
}

// Start starts an instance, as process.Start does, as a child of the keeper. The mark of
// spec has its ID; spec.Label and spec.Held go to the keeper.
func (c *Client) Start(spec process.Spec) (*process.Process, error) {
	return process.StartBy(spec, func(command process.Command) (process.Child, process.Pipes, error) {
		return c.spawn(spec.Mark.Child(), command, &spec)
	})
}

// Adopted returns the instances that ran at Dial, or that another worker has started
// since, and forgets them.
func (c *Client) Adopted() []Adopted {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.adopted
	c.adopted = nil
	return all
}

// Save has the keeper keep the state of this worker, for the next one.
func (c *Client) Save(blob []byte) error { return c.conn.send(kindSave, 0, saved{blob}) }

// SaveConfig has the keeper keep a config that is in no file, for the workers to come.
// Unlike Save it works before the event Serve.
func (c *Client) SaveConfig(text string) error {
	return c.conn.send(kindConfig, 0, configText{text})
}

// Ready tells the keeper that this worker can serve. The event Serve is the answer.
func (c *Client) Ready() error { return c.conn.send(kindReady, 0, nil) }

// Frozen answers Retire: from now on this worker starts, signals and scales nothing, reads
// no output, and accepts no connection that the next one could. blob is its last state.
func (c *Client) Frozen(blob []byte) error { return c.conn.send(kindFrozen, 0, saved{blob}) }

// Refuse answers Retire: this worker goes on to serve, and the upgrade fails with a reason.
func (c *Client) Refuse(reason string) error {
	return c.conn.send(kindRefuse, 0, refusal{reason})
}

// InFlight reports how many requests this worker has at each instance. A worker that
// drains calls it each 100 ms while there are any, and when there are none any more. counts
// are what it has counted since it froze, if it is time to tell that.
func (c *Client) InFlight(requests map[string]int, counts map[string]uint64) error {
	return c.conn.send(kindInFlight, 0, InFlight{Requests: requests, Counts: counts})
}

// Notify has the keeper send lines to systemd, which heeds the main process only.
func (c *Client) Notify(lines ...string) error {
	return c.conn.send(kindNotify, 0, notifyReport{lines})
}

// RejectConfig tells the keeper that this worker ends because of the config: its binary may be
// a good one.
func (c *Client) RejectConfig() error { return c.conn.send(kindReject, 0, nil) }

// Bye tells the keeper that this worker ends on purpose, or begins to. If it is the one that
// serves, no other one takes over any more, and the keeper ends with its exit status.
func (c *Client) Bye() error { return c.conn.send(kindBye, 0, nil) }

// Upgrade has the keeper put another binary in the place of this one, and reports the
// steps. Path is that of the binary; empty: the program that dynlb was started as, looked
// up again. It returns nil when the new worker serves, which this one learns by Retire in
// the course of it. An error says in one line why nothing has changed.
func (c *Client) Upgrade(ctx context.Context, path string, step func(Step)) error {
	return c.upgrade(ctx, path, step)
}
