package local

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/process/account"
)

// Settings are what Configure may change. They are not changed after they were
// handed over: others take their place.
type Settings struct {
	// Argv returns the program and the arguments of an instance that is to serve on
	// port.
	Argv func(port int) []string
	// Location, Command and User are the keys of the config that Argv and Account
	// were made from. A difference in one of them takes a rolling restart.
	Location string
	Command  []string
	User     string
	// Account is the user that the instances run as. Nil: dynlb's own user.
	Account *account.User
	// Env is added to the environment of the instances, and WorkDir is their working
	// directory.
	Env     map[string]string
	WorkDir string
	// HealthPath is asked for health. VerifyPort: an instance is ready only when it
	// owns the socket that listens on its port.
	HealthPath string
	VerifyPort bool
	// BasePort is the first port for instances: each gets the lowest free one.
	BasePort int
	// CheckInterval is the time between health checks, and HealthTimeout bounds one.
	CheckInterval, HealthTimeout time.Duration
	// StartTimeout bounds the time to the first successful health check,
	// DrainTimeout that of the requests in flight when an instance is to stop, and
	// StopTimeout the time from SIGTERM to SIGKILL.
	StartTimeout, DrainTimeout, StopTimeout time.Duration
	// RequestTimeout is how long an instance with a request may show no sign of
	// life before it is replaced. Zero: without limit.
	RequestTimeout time.Duration
	// MaxRequests, MaxAge and MaxMemory (in bytes) recycle an instance. Zero: no
	// limit.
	MaxRequests int
	MaxAge      time.Duration
	MaxMemory   int64
}

// Kind is "local".
func (Settings) Kind() string { return "local" }

// New returns a Fleet with the settings.
func (s Settings) New(options fleet.Options) fleet.Fleet { return New(options, s) }

// current is a Settings in force.
type current struct {
	Settings
	changed chan struct{} // closed when others have taken its place
}

func inForce(settings Settings) *current {
	return &current{Settings: settings, changed: make(chan struct{})}
}

// now returns the configuration in force.
func (s *Fleet) now() *Settings { return &s.current.Load().Settings }

// differences names the keys by which an instance of b is another than one of a.
// These are what a program is started with, and how it shows that it is well: an
// instance that runs cannot be given others.
func differences(a, b *Settings) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"location", a.Location == b.Location},
		{"command", slices.Equal(a.Command, b.Command)},
		{"env", maps.Equal(a.Env, b.Env)},
		{"workDir", a.WorkDir == b.WorkDir},
		{"user", a.User == b.User},
		{"healthPath", a.HealthPath == b.HealthPath},
		{"verifyPort", a.VerifyPort == b.VerifyPort},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// Configure puts other settings in force: timeouts, limits and ports at once, and
// what an instance is started with by a rolling restart. The channel gets nil
// when the instances are as the settings say, or why they are not: when a new one
// could not be kept, the old ones stay, and those that are started from then on
// are as before, until the next Configure.
func (s *Fleet) Configure(settings fleet.Settings) <-chan error {
	done := make(chan error, 1)
	own, ok := settings.(Settings)
	if !ok {
		done <- fleet.ErrKind
		return done
	}
	begun := false
	s.call(func() {
		if begun = !s.stopping; begun {
			s.configure(own, done)
		}
	})
	if !begun {
		done <- errStoppedRestart
	}
	return done
}

// configure runs in the loop. done gets one value.
func (s *Fleet) configure(settings Settings, done chan error) {
	next := inForce(settings)
	close(s.current.Swap(next).changed)
	keys := differences(s.template, &settings)
	previous := s.template
	s.template = &next.Settings
	if len(keys) == 0 {
		done <- nil
		return
	}
	if s.rollout != nil {
		s.endRollout(fleet.ErrSuperseded)
	}
	s.backoff = backoff{} // what failed before may do now
	r := newRollout(1, "config changed: "+strings.Join(keys, ", "))
	r.done, r.previous = done, previous
	s.begin(r)
}
