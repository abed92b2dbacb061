// Package process runs one child process: it starts the child in a process group
// of its own, reads what it prints, stops the whole group, and says how it ended.
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
	"os/exec"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/process/cgroup"
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
}

// Process is a started child and its process group. All methods are safe for
// concurrent use.
type Process struct {
	cmd    *exec.Cmd
	output *output
	oom    cgroup.OOMWatch
	mark   orphan.Mark
	cgroup *cgroup.Group // nil for a child without one of its own
	done   chan struct{} // closed last, by wait
	exit   Exit          // written before done closes
	killed chan struct{} // closed by the first Kill

	mu       sync.Mutex    // protects the fields below, and orders signals and reaping
	stopping bool          // Stop gives the whole group time to exit
	killing  bool          // Kill was called
	reaped   bool          // the leader's pid may belong to another process now
	cpu      time.Duration // the highest processor time that Usage has returned
}

// Start starts a child. The error is an *explain.StartError, whose text is one
// line that says what is wrong and what would help; it wraps the cause
// (exec.ErrNotFound, fs.ErrPermission, a syscall.Errno).
//
// A started child ends by its own exit, Kill or Stop; until then it holds two
// pipes and four goroutines.
func Start(spec Spec) (*Process, error) {
	program := ""
	if len(spec.Argv) > 0 {
		program = spec.Argv[0]
	}
	path, err := spec.User.LookPath(program, spec.Env)
	if err != nil {
		return nil, startError(spec, path, err)
	}
	p := &Process{
		output: newOutput(spec.Output, spec.Dropped),
		mark:   spec.Mark,
		done:   make(chan struct{}),
		killed: make(chan struct{}),
	}
	command := func() *exec.Cmd { return newCommand(spec, path, p.output) }
	if spec.Mark != "" {
		p.cgroup, p.cmd = startInCgroup(command)
	}
	if p.cmd == nil {
		p.cmd = command()
		if err := spawn(p.cmd); err != nil {
			p.output.close(waitDelay)
			return nil, startError(spec, path, err)
		}
	}
	p.oom = cgroup.WatchOOM(p.PID())
	go p.wait() // ends with the child, and closes Done
	return p, nil
}

// newCommand returns a command that has not been started.
func newCommand(spec Spec, path string, o *output) *exec.Cmd {
	env := append([]string{}, spec.Env...) // never nil: exec would pass on dynlb's own
	env = spec.User.Environ(env)
	if spec.Mark != "" {
		env = append(env, spec.Mark.Env())
	}
	return &exec.Cmd{
		Path:        path,
		Args:        spec.Argv,
		Env:         env,
		Dir:         spec.Dir,
		Stdout:      o.stdout,
		Stderr:      o.stderr,
		SysProcAttr: sysProcAttr(spec.User),
		WaitDelay:   waitDelay,
	}
}

// startInCgroup starts a command in a cgroup of its own. It returns nil when that
// fails. The cause may be the cgroup or the command: the caller starts the command
// without a cgroup, which tells.
func startInCgroup(command func() *exec.Cmd) (*cgroup.Group, *exec.Cmd) {
	group := cgroup.New()
	if group == nil {
		return nil, nil
	}
	cmd := command()
	if err := group.Start(cmd, spawn); err != nil {
		_ = group.End(waitDelay) // a group that stays is removed by a guard, or the next run
		return nil, nil
	}
	return group, cmd
}

// startError explains why spec could not be started. path is the file that was
// found or tried.
func startError(spec Spec, path string, err error) error {
	return explain.Start(explain.Command{Argv: spec.Argv, Dir: spec.Dir, User: spec.User, File: path}, err)
}

// PID returns the process id of the child, which is also the id of its group.
// After Done it may belong to another process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

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
