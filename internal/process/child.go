package process

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/reap"
)

// Command is what a child is forked from: a Spec whose program was found. It can be sent
// to another process.
type Command struct {
	// Path is the file of the program, relative to Dir if it is not absolute.
	Path string `json:"path"`
	// Argv, Env and Dir are those of the Spec.
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir,omitempty"`
	// Credential is the user and the groups of the child. Nil: dynlb's own.
	Credential *syscall.Credential `json:"credential,omitempty"`
	// Mark is that of the Spec.
	Mark orphan.Mark `json:"mark,omitempty"`
}

// Child is a child process and its group, apart from what it prints. It may be a child of
// another process of dynlb. All methods are safe for concurrent use.
type Child interface {
	// PID returns the process id, which is also the id of the group.
	PID() int
	// Terminate sends SIGTERM to the group. From then on the rest of the group may outlive
	// the child until Kill.
	Terminate() error
	// Kill sends SIGKILL to the group, and to all processes of the cgroup.
	Kill() error
	// Ended returns a channel that is closed when the child has been reaped, and the rest
	// of its group has been killed.
	Ended() <-chan struct{}
	// Exit says how the child ended, without its output. Call it after Ended.
	Exit() Exit
	// Reaped reports whether the pid may belong to another process now.
	Reaped() bool
	// Cgroup returns the cgroup of the child; nil if it has none of its own.
	Cgroup() *cgroup.Group
}

// Forked is a child of this process.
type Forked struct {
	cmd    *exec.Cmd
	oom    cgroup.OOMWatch
	mark   orphan.Mark
	cgroup *cgroup.Group // nil for a child without one of its own
	ended  chan struct{} // closed last, by wait
	exit   Exit          // written before ended closes
	killed chan struct{} // closed by the first Kill

	mu       sync.Mutex // protects the fields below, and orders signals and reaping
	stopping bool       // Terminate gives the whole group time to exit
	killing  bool       // Kill was called
	reaped   bool       // the leader's pid may belong to another process now
}

// Fork starts a child that prints to stdout and stderr, which stay open. The error is that
// of package os, or of exec.
func Fork(c Command, stdout, stderr *os.File) (*Forked, error) {
	f := &Forked{mark: c.Mark, ended: make(chan struct{}), killed: make(chan struct{})}
	command := func() *exec.Cmd { return newCommand(c, stdout, stderr) }
	if c.Mark != "" {
		f.cgroup, f.cmd = startInCgroup(command)
	}
	if f.cmd == nil {
		f.cmd = command()
		if err := spawn(f.cmd); err != nil {
			return nil, err
		}
	}
	f.oom = cgroup.WatchOOM(f.PID())
	go f.wait() // ends with the child, and closes ended
	return f, nil
}

// newCommand returns a command that has not been started.
func newCommand(c Command, stdout, stderr *os.File) *exec.Cmd {
	env := append([]string{}, c.Env...) // never nil: exec would pass on dynlb's own
	if c.Mark != "" {
		env = append(env, c.Mark.Env())
	}
	return &exec.Cmd{
		Path:        c.Path,
		Args:        c.Argv,
		Env:         env,
		Dir:         c.Dir,
		Stdout:      stdout,
		Stderr:      stderr,
		SysProcAttr: sysProcAttr(c.Credential),
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

// PID implements Child.
func (f *Forked) PID() int { return f.cmd.Process.Pid }

// Ended implements Child. The channel closes at most three seconds after the exit of the
// child, or, after Terminate, after the exit of the whole group.
func (f *Forked) Ended() <-chan struct{} { return f.ended }

// Exit implements Child.
func (f *Forked) Exit() Exit { return f.exit }

// Cgroup implements Child.
func (f *Forked) Cgroup() *cgroup.Group { return f.cgroup }

// Reaped implements Child.
func (f *Forked) Reaped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reaped
}

// Terminate implements Child.
func (f *Forked) Terminate() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopping = true
	return f.signalLocked(syscall.SIGTERM)
}

// Kill implements Child. It returns nil when all processes are gone.
func (f *Forked) Kill() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.killing {
		f.killing = true
		close(f.killed)
	}
	f.cgroup.Kill()
	return f.signalLocked(syscall.SIGKILL)
}

// wait does all that happens between the exit of the child and Ended.
func (f *Forked) wait() {
	var at time.Time
	if awaitExit(f.PID()) {
		at = time.Now()
		f.endGroup()
	}
	err := reap.Wait(f.cmd)
	if at.IsZero() {
		at = time.Now()
	}
	f.mu.Lock()
	f.reaped = true
	killing := f.killing
	f.mu.Unlock()

	f.exit = newExit(f.cmd.ProcessState, err)
	f.exit.Time = at
	if f.exit.Signal == syscall.SIGKILL && !killing {
		kills := f.oom.Kills() // before the cgroup is removed
		f.exit.OutOfMemory = kills > 0
		f.exit.Reason += explain.OutOfMemory(kills)
	}
	awaitGroupGone(f.PID(), waitDelay)
	_ = f.cgroup.End(waitDelay) // a group that stays is removed by the guard
	f.cgroup.Reap()
	if f.mark != "" {
		_, _ = orphan.KillMarked(f.mark, waitDelay) // the guard kills what is left
	}
	close(f.ended)
}
