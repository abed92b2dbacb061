package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/prelude"
	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/reap"
)

// maxQueued is how many messages wait for a worker. One that does not read so many is
// of no use any more.
const maxQueued = 4096

// worker is a process that does the work. The loop owns it.
type worker struct {
	k       *keeper
	cmd     *exec.Cmd
	binary  *binary
	conn    *conn
	queue   chan packet
	queued  atomic.Int64 // packets that are in the queue or being sent from it
	version string

	greeted bool
	ready   bool      // it is going to serve when the guard runs
	epoch   uint64    // in which it serves or has served; 0: it has not
	served  time.Time // when it began to
	rejects bool      // it ends because of the config
	bye     bool      // it ends on purpose
}

// packet is a message that is going to be sent. It owns its descriptors.
type packet struct {
	kind kind
	seq  uint64
	body any
	fds  []int
}

// startWorker starts a process of a binary.
func (k *keeper) startWorker(b *binary) (*worker, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := &exec.Cmd{
		Path: b.path(), Args: append([]string{os.Args[0]}, k.Args...),
		Env:   append(os.Environ(), prelude.KeeperVariable+"="+strconv.Itoa(prelude.FirstExtra)),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	c, err := newConn(ours)
	if err != nil {
		return nil, err
	}
	if err := reap.Start(cmd); err != nil {
		c.close()
		return nil, err
	}
	return k.follow(b, cmd, c), nil
}

// firstWorker starts a process of a binary, unless one was started before this package was
// initialised.
func (k *keeper) firstWorker(b *binary) (*worker, error) {
	early := prelude.TakeWorker()
	if early == nil {
		return k.startWorker(b)
	}
	c, err := newConn(early.Socket)
	if err != nil {
		return nil, err // this process has run out of descriptors; the worker ends with it
	}
	cmd, err := reap.Adopt(early.PID)
	if err != nil {
		c.close()
		return nil, err
	}
	return k.follow(b, cmd, c), nil
}

// follow has the keeper heed a worker.
func (k *keeper) follow(b *binary, cmd *exec.Cmd, c *conn) *worker {
	w := &worker{k: k, cmd: cmd, binary: b, conn: c, queue: make(chan packet, maxQueued)}
	k.workers = append(k.workers, w)
	received := make(chan struct{})
	go func() { // ends with the socket
		defer close(received)
		w.receive()
	}()
	go w.write(w.queue) // ends when the loop closes the queue
	go func() {         // ends with the process
		_ = reap.Wait(w.cmd)  // ProcessState says the same
		w.conn.endReceiving() // a process that it has started may have its end of the socket
		<-received            // what it said before, such as bye, comes first
		k.post(func() { k.ended(w) })
	}()
	return w
}

// pid returns the process id.
func (w *worker) pid() int { return w.cmd.Process.Pid }

// signal sends a signal to the process.
func (w *worker) signal(s syscall.Signal) { _ = w.cmd.Process.Signal(s) } // it may have ended

// receive has the loop handle what the worker says.
func (w *worker) receive() {
	for {
		m, fds, err := w.conn.receive()
		if err != nil {
			w.conn.close()
			return // its process has ended, or is going to: it is lost without the keeper
		}
		w.k.post(func() { w.k.handle(w, m, fds) })
	}
}

// write sends what is in the queue. A worker that does not read has it wait.
func (w *worker) write(queue <-chan packet) {
	for p := range queue {
		err := w.conn.send(p.kind, p.seq, p.body, p.fds...)
		closeAll(p.fds)
		w.queued.Add(-1)
		if err != nil {
			w.k.post(func() { w.notSent(p.kind, p.seq, p.body, err) })
		}
	}
	w.conn.close()
}

// send sends a message, with duplicates of descriptors. It does not wait: what cannot be
// sent at once goes to the queue.
func (w *worker) send(k kind, seq uint64, content any, fds ...int) {
	if w.queue == nil {
		return
	}
	if w.queued.Load() == 0 {
		sent, err := w.conn.try(k, seq, content, fds...)
		if err != nil {
			w.notSent(k, seq, content, err)
		}
		if sent || err != nil {
			return
		}
	}
	p := packet{kind: k, seq: seq, body: content}
	for _, fd := range fds {
		own, err := duplicate(fd)
		if err != nil {
			closeAll(p.fds)
			w.notSent(k, seq, content, err)
			return
		}
		p.fds = append(p.fds, own)
	}
	w.queued.Add(1)
	select {
	case w.queue <- p:
	default:
		w.queued.Add(-1)
		closeAll(p.fds)
		w.k.Log.Error("worker does not read its messages, ending it", "pid", w.pid())
		w.signal(syscall.SIGKILL)
	}
}

// notSent handles a message that could not be sent, because the keeper may have no more
// descriptors. A worker must not wait for a reply that does not come, nor serve without what
// it should know of. The loop calls it.
func (w *worker) notSent(k kind, seq uint64, content any, why error) {
	if w.queue == nil || errors.Is(why, syscall.EPIPE) || errors.Is(why, syscall.ECONNRESET) || errors.Is(why, net.ErrClosed) {
		return // it has ended
	}
	w.k.Log.Error("send to worker", "message", string(k), "pid", w.pid(), "error", why)
	reply, spawned := content.(spawnReply)
	if !spawned || reply.Error != nil {
		w.signal(syscall.SIGKILL)
		return
	}
	if in := w.k.find(reply.Instance.ID); in != nil {
		_ = in.child.Kill() // the worker does not know of it
	}
	w.send(kindSpawned, seq, spawnReply{Error: newBadStart(why)})
}

// handle carries out a message of a worker.
func (k *keeper) handle(w *worker, m message, fds []int) {
	switch m.Kind {
	case kindSpawn:
		k.spawn(w, m, fds)
		return
	case kindListen:
		k.listen(w, m, fds)
		return
	default: // no other kind has descriptors
		closeAll(fds)
	}
	switch m.Kind {
	case kindHello:
		k.greet(w, m)
	case kindReady:
		k.onReady(w)
	case kindSignal:
		k.signal(w, m)
	case kindSave:
		if s, err := body[saved](m); err == nil && k.owns(w) {
			k.blob = s.Blob
		}
	case kindConfig:
		if c, err := body[configText](m); err == nil && (k.active == nil || w == k.active) {
			k.config = c.Text
		}
	case kindFrozen:
		k.onFrozen(w, m)
	case kindRefuse:
		k.onRefuse(w, m)
	case kindInFlight:
		if in, err := body[InFlight](m); err == nil && w != k.active && k.active != nil {
			in.Worker = w.pid()
			k.active.send(kindInFlight, 0, in)
		}
	case kindNotify:
		k.pass(w, m)
	case kindUpgrade:
		k.onUpgrade(w, m)
	case kindReject:
		w.rejects = true
	case kindBye:
		k.onBye(w)
	default: // a kind of a later version
	}
}

// greet answers the hello of a worker.
func (k *keeper) greet(w *worker, m message) {
	h, err := body[Hello](m)
	if err == nil && h.Protocol != Protocol && h.Protocol != Protocol-1 {
		err = fmt.Errorf("it speaks version %d of the protocol between keeper and worker, and this keeper speaks %d", h.Protocol, Protocol)
	}
	if err != nil {
		k.reject(w, err)
		return
	}
	w.version, w.greeted = h.Version, true
	for _, in := range k.instances {
		w.send(kindRunning, 0, in.Instance, in.pipes[:]...)
	}
	for _, l := range k.listeners {
		w.send(kindListener, 0, listenerInfo{l.name}, l.fd)
	}
	w.send(kindWelcome, 0, Welcome{
		Protocol: Protocol, PID: os.Getpid(), Epoch: k.epoch, Blob: k.blob, Config: k.config, IgnoresHangup: k.nohup,
		Notify: k.service.Reports(), Watchdog: k.service.Watchdog(), Report: k.report,
	})
}

// pass passes a report on to systemd.
func (k *keeper) pass(w *worker, m message) {
	n, err := body[notifyReport](m)
	if err != nil || w != k.active {
		return
	}
	select {
	case k.notices <- n.Lines:
	default: // systemd does not read
	}
}

// serve has a worker be the one that serves.
func (k *keeper) serve(w *worker) {
	k.epoch++
	if k.epoch == 1 { // not before: a config with an error gets its message only
		k.Log.Info("instances are contained", "by", cgroup.Containment())
	}
	w.epoch, w.served = k.epoch, time.Now()
	k.active, k.coming = w, nil
	k.forgetEnded()
	w.send(kindServe, 0, Serve{Epoch: k.epoch, Blob: k.blob})
	k.tell()
	k.deliver()
	k.prove(w)
}
