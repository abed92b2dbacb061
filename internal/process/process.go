// Package process runs one child process: it starts the child in a process group
// of its own, reads what it prints, stops the whole group, and says how it ended.
//
// A Process has two parts: a Child, which is the process as the kernel has it, and the
// reader of its output. The Child is one of this process (Forked), or of the keeper: then
// StartBy has the keeper fork it, and Adopt takes over one that runs already.
//
// A Process moves one way:
//
//	Start -> running -> leader exited -> rest of the group gone -> Done
//	            |  Kill, Stop
//	            +--> (signals go to the group)
//
// The child gets file descriptors 0 to 2 only (0 is /dev/null), the open-file
// limit that dynlb itself was started with, and default signal handlers.
//
// On Linux the kernel kills the child when dynlb dies, even by SIGKILL. The
// kernel does not do that for the child's own children, nor for a program with the
// set-user-ID bit or file capabilities (prctl(2), PR_SET_PDEATHSIG), and a signal
// to the group does not reach processes that have left it. Spec.Mark and
// orphan.Guard cover these: they find processes by the child's cgroup and by the
// mark in their environment. Where there are no cgroups (see
// cgroup.Containment), a process that has left the group and cleared its
// environment is not found.
//
// The packages below this one each hold one part. Imports run one way:
//
//	process -> orphan -> cgroup -> procfs
//	process, orphan -> reap -> procfs
//	process -> explain -> account
//	process -> account, cgroup, procfs
//
// No other code of the program may wait for "any child" (wait4 with pid -1): it
// would take the exit status of a child away from this package. Package reap collects
// the exit status of orphans where dynlb is process 1.
package process

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// waitDelay bounds each step between the exit of the leader and Done: reading
// output that a process outside the group holds open, passing the last lines to
// Spec.Output, the kernel's removal of the rest of the group, and that of its
// cgroup. Each takes milliseconds unless something is wrong.
const waitDelay = time.Second

// Spec is what to start.
type Spec struct {
	// Argv is the program and its arguments, passed on without a shell. A
	// program without a slash is looked up on the PATH of Env; a relative one
	// with a slash is relative to Dir.
	Argv []string
	// Env is the complete environment as KEY=value; of duplicates the last one
	// counts. Nil means an empty environment, not dynlb's.
	Env []string
	// Mark, when not empty, marks the child and its descendants in their
	// environment, and has the child born in a cgroup of its own where that is
	// possible (see cgroup.Containment). On Linux, descendants that are left when
	// the group has ended are killed, in any group or session.
	Mark orphan.Mark
	// Dir is the working directory; empty means dynlb's.
	Dir string
	// User is the user that the child runs as; nil, or dynlb's own user, changes
	// nothing. Another user takes root (the capabilities CAP_SETUID, CAP_SETGID
	// and CAP_KILL), and has HOME, USER and LOGNAME set for it: see
	// account.User.Environ.
	User *account.User
	// Output gets each line that the child prints, in order, from one goroutine.
	// It may block: when 1 MiB of lines wait for it, that slows the child for two
	// seconds, and then lines are dropped and counted until there is room. A line for
	// which it fails counts as dropped too. When Output blocks for longer than a
	// second after the child's end, it may still run when Done closes, and the lines
	// after that one are dropped. Nil discards the lines; Tail has the last ones.
	Output func(Line) error
	// Dropped gets the number of lines dropped so far, within a second after one
	// was dropped while the child runs. It must not block. It may be nil.
	Dropped func(lines uint64)
	// Label is what the keeper is to tell of the child to another worker, as JSON. Without
	// a keeper it has no effect.
	Label []byte
	// Held are files that stay open in the keeper as long as the child lives. Without a
	// keeper they have no effect.
	Held []*os.File
}

// Process is a started child and its process group. All methods are safe for
// concurrent use.
type Process struct {
	child   Child
	output  *output
	readers [2]*reader    // of stdout and stderr
	done    chan struct{} // closed last, by finish
	exit    Exit          // written before done closes

	mu       sync.Mutex    // protects the fields below
	cpu      time.Duration // the highest processor time that Usage has returned
	released bool          // Release was called
}

// Start starts a child. The error is an *explain.StartError, whose text is one
// line that says what is wrong and what would help; it wraps the cause
// (exec.ErrNotFound, fs.ErrPermission, a syscall.Errno).
//
// A started child ends by its own exit, Kill or Stop; until then it holds two
// pipes and five goroutines.
func Start(spec Spec) (*Process, error) { return StartBy(spec, forkHere) }

// StartBy is Start with a child that fork starts, which returns the read ends of its
// output.
func StartBy(spec Spec, fork func(Command) (Child, Pipes, error)) (*Process, error) {
	program := ""
	if len(spec.Argv) > 0 {
		program = spec.Argv[0]
	}
	path, err := spec.User.LookPath(program, spec.Env)
	if err != nil {
		return nil, startError(spec, path, err)
	}
	child, pipes, err := fork(Command{
		Path: path, Argv: spec.Argv, Env: spec.User.Environ(spec.Env), Dir: spec.Dir,
		Credential: spec.User.Credential(), Mark: spec.Mark,
	})
	if err != nil {
		return nil, startError(spec, path, err)
	}
	return Adopt(child, pipes, spec.Output, spec.Dropped), nil
}

// Adopt returns the Process of a child that runs already. It reads the pipes, which then
// belong to it. output and dropped are those of a Spec.
func Adopt(child Child, pipes Pipes, output func(Line) error, dropped func(lines uint64)) *Process {
	p := &Process{child: child, output: newOutput(output, dropped), done: make(chan struct{})}
	p.output.stdout.buf, p.output.stderr.buf = pipes.StdoutBegun, pipes.StderrBegun
	for _, line := range pipes.Tail {
		p.output.keepLocked([]byte(line)) // no reader runs yet
	}
	p.output.dropped.Store(pipes.Dropped)
	p.readers = [2]*reader{newReader(pipes.Stdout, p.output.stdout), newReader(pipes.Stderr, p.output.stderr)}
	go p.finish() // ends with the child, and closes Done
	return p
}

// forkHere starts a child of this process.
func forkHere(c Command) (Child, Pipes, error) {
	outFD, outWrite, err := Pipe()
	if err != nil {
		return nil, Pipes{}, err
	}
	pipes := Pipes{Stdout: os.NewFile(uintptr(outFD), "stdout")}
	defer outWrite.Close()
	errFD, errWrite, err := Pipe()
	if err != nil {
		return nil, Pipes{}, errors.Join(err, pipes.Stdout.Close())
	}
	pipes.Stderr = os.NewFile(uintptr(errFD), "stderr")
	defer errWrite.Close()
	child, err := Fork(c, outWrite, errWrite)
	if err != nil {
		_, _ = pipes.Stdout.Close(), pipes.Stderr.Close() // nothing is in them
		return nil, Pipes{}, err
	}
	return child, pipes, nil
}

// finish does all that happens between the end of the child and Done.
func (p *Process) finish() {
	<-p.child.Ended()
	late := time.NewTimer(waitDelay)
	defer late.Stop()
	for _, r := range p.readers {
		select {
		case <-r.done:
		case <-late.C: // a process outside the group holds the output open
			late.Reset(0) // for the other one
			r.stop()
		}
		_ = r.file.Close() // nothing is written to it
	}
	p.output.close(waitDelay)
	p.exit = p.child.Exit()
	p.exit.Output = p.output.lastLines()
	p.exit.Dropped = p.output.dropped.Load()
	close(p.done)
}

// startError explains why spec could not be started. path is the file that was
// found or tried.
func startError(spec Spec, path string, err error) error {
	return explain.Start(explain.Command{Argv: spec.Argv, Dir: spec.Dir, User: spec.User, File: path}, err)
}

// PID returns the process id of the child, which is also the id of its group.
// After Done it may belong to another process.
func (p *Process) PID() int { return p.child.PID() }

// Done returns a channel that is closed when the child has been reaped, its
// output has been read to the end, and the rest of its group has been killed. It
// closes at most about four seconds after the exit of the child, or, during a
// Stop, after the exit of the whole group.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how the child ended. It is the zero Exit until Done is closed.
func (p *Process) Exit() Exit {
	select {
	case <-p.done:
		return p.exit
	default:
		return Exit{}
	}
}

// Tail returns the last lines that are not blank, of both streams, oldest first:
// at most 20 lines of at most 512 bytes each. A line counts once it is complete.
func (p *Process) Tail() []string { return p.output.lastLines() }

// Dropped returns how many lines did not reach Spec.Output because it was slower
// than the child.
func (p *Process) Dropped() uint64 { return p.output.dropped.Load() }

// Release stops reading the output, so that another worker may go on with it: what the
// child has printed and this process has not read stays in the pipes. It returns the lines
// that were begun. The Process reports the end of the child as before. Release waits while
// Spec.Output blocks.
func (p *Process) Release() (stdoutBegun, stderrBegun []byte) {
	for _, r := range p.readers {
		r.stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return nil, nil
	}
	p.released = true
	return p.output.stdout.take(), p.output.stderr.take()
}
