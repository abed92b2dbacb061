// Package process runs one child process at a time: it starts it in a process
// group of its own, reads what it prints, stops the whole group, says how it
// ended, and tells on which TCP ports it listens.
//
// A Process moves one way:
//
//	Start -> running -> leader exited -> rest of the group gone -> Done
//	            |  Terminate, Kill, Stop
//	            +--> (signals go to the group)
//
// The child gets file descriptors 0 to 2 only (0 is /dev/null), the open-file
// limit dynlb itself was started with, and default signal handlers. On Linux
// the kernel kills it when dynlb dies, however dynlb dies. That does not cover
// the child's own children, nor a program with the set-user-ID bit or file
// capabilities (prctl(2), PR_SET_PDEATHSIG), and a signal to the group does not
// reach processes that have left it: for those there are Spec.Mark and Guard,
// which find them by the child's cgroup and by their environment. Where there are
// no cgroups (see Containment), a process that has left the group and cleared
// its environment is not found.
//
// Nothing else in the program may wait for "any child" (wait4 with pid -1):
// it would take the exit status from under this package.
package process

import (
	"os/exec"
	"sync"
	"time"
)

// waitDelay bounds each of what may keep Done open after the leader has exited:
// reading output that a process outside the group holds open, handing the last
// lines to Spec.Output, the kernel's removal of the rest of the group, and that
// of its cgroup. All of them take milliseconds unless something is wrong.
const waitDelay = time.Second

// Spec is what to start.
type Spec struct {
	// Argv is the program and its arguments; no shell sees it. A program
	// without a slash is looked up on the PATH of Env; a relative one with a
	// slash is relative to Dir.
	Argv []string
	// Env is the complete environment as KEY=value; of duplicates the last one
	// counts. Nil means an empty environment, not dynlb's.
	Env []string
	// Mark, when not empty, marks the child and its descendants in their
	// environment, and has the child born in a cgroup of its own where that is
	// possible (see Containment). Descendants that are left when its group has
	// ended are killed, whatever group or session they are in (on Linux).
	Mark Mark
	// Dir is the working directory; empty means dynlb's.
	Dir string
	// User is whom the child runs as; nil means dynlb's own user, and so does that
	// user itself. Anyone else takes root (the capabilities CAP_SETUID, CAP_SETGID
	// and CAP_KILL). HOME, USER and LOGNAME are set to say so, except one that
	// Env has with a value of its own, neither empty nor the one of dynlb's own
	// environment.
	User *User
	// Output gets each line the child prints, in order, from one goroutine. It
	// may block: the child is never held up by it, lines are dropped and
	// counted instead. It may still be running when Done closes, if it blocks
	// longer than a second; the lines after that one are dropped then. Nil
	// discards the lines (Tail still has the last).
	Output func(Line)
}

// Process is a started child and its process group. All methods are safe for
// concurrent use.
type Process struct {
	cmd    *exec.Cmd
	output *output
	oom    oomWatch
	mark   Mark
	cgroup *cgroup       // nil without one of its own
	done   chan struct{} // closed last, by wait
	exit   Exit          // written before done closes
	killed chan struct{} // closed by the first Kill

	mu       sync.Mutex    // guards the fields below, and the order of signals and reaping
	stopping bool          // Stop gives the whole group time to exit
	killing  bool          // Kill was called
	reaped   bool          // the leader's pid may belong to another process now
	cpu      time.Duration // the most that Usage has told
}

// Start starts a child. The error is a *StartError, whose text is one line that
// says what is wrong and what would be right; it wraps the cause (exec.ErrNotFound,
// fs.ErrPermission, a syscall.Errno).
//
// The child must be ended by its own exit, Kill or Stop; until then it holds
// two pipes and four goroutines.
func Start(spec Spec) (*Process, error) {
	path, err := lookPath(spec)
	if err != nil {
		return nil, explain(spec, path, err)
	}
	env := append([]string{}, spec.Env...) // never nil: exec would pass on dynlb's own
	env = spec.User.environ(env)
	if spec.Mark != "" {
		env = append(env, markVariable+"="+string(spec.Mark))
	}
	p := &Process{
		output: newOutput(spec.Output),
		mark:   spec.Mark,
		done:   make(chan struct{}),
		killed: make(chan struct{}),
	}
	command := func() *exec.Cmd {
		return &exec.Cmd{
			Path:        path,
			Args:        spec.Argv,
			Env:         env,
			Dir:         spec.Dir,
			Stdout:      p.output.stdout,
			Stderr:      p.output.stderr,
			SysProcAttr: sysProcAttr(spec.User),
			WaitDelay:   waitDelay,
		}
	}
	if spec.Mark != "" {
		p.cgroup, p.cmd = startInCgroup(command)
	}
	if p.cmd == nil {
		p.cmd = command()
		if err := spawn(p.cmd.Start); err != nil {
			p.output.close(waitDelay)
			return nil, explain(spec, path, err)
		}
	}
	p.oom = watchOOM(p.PID())
	go p.wait() // ends with the child; Done tells
	return p, nil
}

// PID returns the process id of the child, which is also the id of its group.
// After Done it may belong to another process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the child has been reaped, its
// output has been read to the end, and what was left of its group has been
// killed. It closes at most about four seconds after the child's own exit, or,
// during a Stop, after the exit of the whole group.
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

// Tail returns the last lines that are not blank, of both streams, oldest
// first: at most 20 of at most 512 bytes each. A line counts once it is
// complete.
func (p *Process) Tail() []string { return p.output.lastLines() }

// Dropped returns how many lines did not reach Spec.Output because it was slower
// than the child.
func (p *Process) Dropped() uint64 { return p.output.dropped.Load() }
