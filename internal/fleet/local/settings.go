package local

import (
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/process/account"
)

// Settings are what Configure can change. A Settings is not changed after it was
// given to a Fleet. All durations but MaxAge must be positive.
type Settings struct {
	// Program is what an instance runs. A change of it is applied by a rolling
	// restart, all other changes at once.
	Program Program
	// BasePort is the first port for instances. Each gets the lowest free one.
	BasePort int
	// Ports are those of the machine, of which the fleet takes the ports. Configure does
	// not change them. Nil: no other fleet takes any.
	Ports *Ports
	// Keeper starts the processes. Configure does not change it. Nil: they are children of
	// this process.
	Keeper Keeper
	// CheckInterval is the time between health checks of a ready instance, and
	// HealthTimeout bounds one.
	CheckInterval, HealthTimeout time.Duration
	// StartTimeout bounds the time from the start to the first successful health
	// check, DrainTimeout the time for requests in flight before an instance stops,
	// and StopTimeout the time from SIGTERM to SIGKILL.
	StartTimeout, DrainTimeout, StopTimeout time.Duration
	// RequestTimeout is for an instance that has requests and answers no health check. It
	// is replaced when it has made no progress for so long.
	RequestTimeout time.Duration
	// MaxRequests, MaxAge and MaxMemory (in bytes) are the limits at which an
	// instance is recycled. Zero: no limit.
	MaxRequests int
	MaxAge      time.Duration
	MaxMemory   int64
}

// Program is what an instance runs, and how it shows that it is ready. A running
// instance keeps the Program that it was started with.
type Program struct {
	// Argv returns the program and the arguments of an instance on port.
	Argv func(port int) []string
	// SocketArgv is Argv for instances that listen on a Unix socket. Nil: they listen
	// on a port.
	SocketArgv func(path string) []string
	// Version names the version of the app. Empty: it has none.
	Version string
	// Location, Command and User are the config keys from which Argv and Account are
	// made. A change is noticed by them, since functions cannot be compared.
	Location string
	Command  []string
	User     string
	// Account is the user of the process. Nil: dynlb's own user.
	Account *account.User
	// Env is added to dynlb's environment; {socket} in a value is replaced. WorkDir is the working directory; "":
	// dynlb's own.
	// Of FileEnv nothing is replaced, and Env has precedence.
	FileEnv map[string]string
	Env     map[string]string
	WorkDir string
	// Check is the protocol of health checks, and HealthPath their path. GRPCHealth has
	// them be calls of grpc.health.v1 instead.
	Check      probe.Check
	GRPCHealth bool
	HealthPath string
	// LivenessPath is the path of liveness checks. "": there are none.
	LivenessPath string
	// VerifyPort makes an instance ready only if its process, or a descendant of it,
	// listens on the port or socket.
	VerifyPort bool
}

// onSocket reports whether instances listen on a Unix socket.
func (p *Program) onSocket() bool { return p.SocketArgv != nil }

// Kind returns "local".
func (Settings) Kind() string { return "local" }

// New returns a Fleet with the settings.
func (s Settings) New(options fleet.Options) fleet.Fleet { return New(options, s) }

// inForce is the settings in force.
type inForce struct {
	Settings
	replaced chan struct{} // closed when other settings are in force
}

func newInForce(settings Settings) *inForce {
	return &inForce{Settings: settings, replaced: make(chan struct{})}
}

// settings returns the settings in force. Callers do not keep them: others may be
// in force at the next call.
func (f *Fleet) settings() *Settings { return &f.inForce.Load().Settings }

// Configure puts other Settings in force. See [fleet.Fleet].
func (f *Fleet) Configure(settings fleet.Settings) <-chan error {
	return fleet.Configure(settings, errStoppedRestart, func(own Settings, done chan error) (begun bool) {
		f.call(func() {
			if begun = !f.stopping; begun {
				f.configure(own, done)
			}
		})
		return begun
	})
}

// configure puts settings in force, and begins a rollout if their program is
// another one. done gets one value. It runs in the loop.
//
// A rollout that fails puts the previous settings back in force. If no child serves,
// none has shown that the previous settings work, and they are not kept.
func (f *Fleet) configure(settings Settings, done chan error) {
	keys := differences(f.program, &settings.Program)
	if len(keys) == 0 && f.rollout != nil && f.rollout.previous != nil {
		f.rollout.done <- fleet.ErrSuperseded
		f.rollout.done = done // the rollout under way is that of this program
		f.apply(settings)
		return
	}
	if len(keys) > 0 && f.staging != nil {
		done <- fleet.ErrDeploying
		return
	}
	previous := *f.settings()
	if f.rollout != nil && f.rollout.previous != nil {
		previous = *f.rollout.previous // those of the rollout under way have not proved themselves
	}
	f.apply(settings)
	if len(keys) == 0 {
		done <- nil
		return
	}
	if f.rollout != nil {
		f.endRollout(fleet.ErrSuperseded)
	}
	f.failedStarts = 0
	f.backoff = backoff{} // a program that failed before says nothing about this one
	r := newRollout(1, "config changed: "+strings.Join(keys, ", "))
	if f.serving() {
		r.done, r.previous = done, &previous
	} else {
		done <- nil
	}
	f.beginRollout(r)
}

// apply puts settings in force. Children that are started from now on run their
// program. It runs in the loop.
func (f *Fleet) apply(settings Settings) {
	next := newInForce(settings)
	f.program = &next.Program
	close(f.inForce.Swap(next).replaced)
}

// serving reports whether a child serves. It runs in the loop.
func (f *Fleet) serving() bool {
	return slices.ContainsFunc(f.children, func(c *child) bool { return !c.staged && c.phase == phaseServing })
}
