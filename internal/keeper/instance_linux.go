package keeper

import (
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// instance is a child of the keeper that a worker has asked for.
type instance struct {
	Instance
	child *process.Forked
	pipes [2]int // the read ends of its output
	held  []int  // stay open as long as it runs
}

// listener is a socket that the keeper holds.
type listener struct {
	name string // that the worker has given
	fd   int
}

// owns reports whether a worker may change what the keeper has: it serves, or is to freeze
// and has not yet.
func (k *keeper) owns(w *worker) bool {
	return w == k.active || k.next != nil && k.next.old == w
}

// find returns an instance; nil if there is none.
func (k *keeper) find(id string) *instance {
	for _, in := range k.instances {
		if in.ID == id {
			return in
		}
	}
	return nil
}

// spawn forks an instance for the worker that serves.
func (k *keeper) spawn(w *worker, m message, fds []int) {
	request, err := body[spawnRequest](m)
	if err == nil && !k.owns(w) {
		closeAll(fds)
		w.send(kindDone, m.Seq, doneReply{Retired: true})
		return
	}
	if err == nil {
		err = k.fork(w, m.Seq, &request, fds)
	}
	if err != nil {
		closeAll(fds)
		w.send(kindSpawned, m.Seq, spawnReply{Error: newBadStart(err)})
	}
}

// fork forks an instance and tells the workers that may take it over. The descriptors in held belong to it if
// there is no error.
func (k *keeper) fork(w *worker, seq uint64, request *spawnRequest, held []int) error {
	in := &instance{pipes: [2]int{-1, -1}}
	var ends [2]*os.File
	defer func() { // the instance has duplicates
		for _, end := range ends {
			_ = end.Close() // nil: nothing
		}
	}()
	for i := range ends {
		var err error
		if in.pipes[i], ends[i], err = process.Pipe(); err != nil {
			in.close()
			return err
		}
	}
	command := request.Command
	if command.Mark != "" {
		command.Mark = orphan.NewMark(request.ID)
	}
	child, err := process.Fork(command, ends[0], ends[1])
	if err != nil {
		in.close()
		return err
	}
	in.child, in.held = child, held
	in.Instance = Instance{ID: request.ID, PID: child.PID(), Label: request.Label, Started: time.Now(), Cgroup: child.Cgroup().Dir()}
	k.instances = append(k.instances, in)
	w.send(kindSpawned, seq, spawnReply{Instance: in.Instance}, in.pipes[:]...)
	for _, other := range k.workers {
		if other.greeted && other.epoch == 0 { // it may serve later
			other.send(kindRunning, 0, in.Instance, in.pipes[:]...)
		}
	}
	go func() { // ends with the child
		<-child.Ended()
		k.post(func() { k.exited(in) })
	}()
	return nil
}

// exited reports the end of an instance. It is kept while no worker serves that would
// know of it.
func (k *keeper) exited(in *instance) {
	exit := in.child.Exit()
	in.Exit = &exit
	for _, w := range k.workers {
		if w.greeted {
			w.send(kindExited, 0, exitedReport{ID: in.ID, Exit: exit})
		}
	}
	if k.active != nil {
		k.forgetEnded()
	}
	k.endWhenEmpty()
}

// forgetEnded forgets the instances that have ended.
func (k *keeper) forgetEnded() {
	k.instances = slices.DeleteFunc(k.instances, func(in *instance) bool {
		if in.Exit != nil {
			in.close()
		}
		return in.Exit != nil
	})
}

// close closes the descriptors of an instance.
func (in *instance) close() {
	for _, fd := range append(in.pipes[:], in.held...) {
		if fd >= 0 {
			_ = syscall.Close(fd)
		}
	}
	in.pipes, in.held = [2]int{-1, -1}, nil
}

// signal sends a signal to an instance for the worker that serves.
func (k *keeper) signal(w *worker, m message) {
	request, err := body[signalRequest](m)
	in := k.find(request.ID)
	if err != nil || !k.owns(w) || in == nil {
		return
	}
	in.Stopping = true
	if request.Signal == syscall.SIGKILL {
		err = in.child.Kill()
	} else {
		err = in.child.Terminate()
	}
	if err != nil {
		k.Log.Warn("signal instance", "instance", in.ID, "error", err)
	}
}

// listen takes the listeners that the worker that serves has, in the place of those before.
func (k *keeper) listen(w *worker, m message, fds []int) {
	if !k.owns(w) {
		closeAll(fds)
		w.send(kindDone, m.Seq, doneReply{Retired: true})
		return
	}
	request, err := body[listenRequest](m)
	if err != nil || len(request.Names) != len(fds) {
		closeAll(fds)
		w.send(kindDone, m.Seq, doneReply{Error: "each listener needs a name"})
		return
	}
	for _, l := range k.listeners {
		_ = syscall.Close(l.fd)
	}
	k.listeners = k.listeners[:0]
	for i, fd := range fds {
		k.listeners = append(k.listeners, listener{request.Names[i], fd})
	}
	w.send(kindDone, m.Seq, doneReply{})
	k.resolve(w) // it serves
}
