package supervisor

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/process/account"
)

// Settings are what Configure may change. They are not changed after they were
// handed over: others take their place.
type Settings struct {
	// Config has the timeouts, the ports, the limits and the surroundings of the
	// instances.
	Config config.Config
	// Argv returns the program and arguments of an instance that is to serve on
	// port.
	Argv func(port int) []string
	// User is whom instances run as; nil: dynlb's own user.
	User *account.User
}

// current is a Settings in force.
type current struct {
	Settings
	changed chan struct{} // closed when others have taken its place
}

func inForce(settings Settings) *current {
	return &current{Settings: settings, changed: make(chan struct{})}
}

// now returns the configuration in force.
func (s *Supervisor) now() *config.Config { return &s.current.Load().Config }

// differences names the keys by which an instance of b is another than one of a.
// These are what a program is started with, and how it shows that it is well: an
// instance that runs cannot be given others.
func differences(a, b *config.Config) []string {
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
func (s *Supervisor) Configure(settings Settings) <-chan error {
	done := make(chan error, 1)
	begun := false
	s.call(func() {
		if begun = !s.stopping; begun {
			s.configure(settings, done)
		}
	})
	if !begun {
		done <- errStoppedRestart
	}
	return done
}

// configure runs in the loop. done gets one value.
func (s *Supervisor) configure(settings Settings, done chan error) {
	next := inForce(settings)
	close(s.current.Swap(next).changed)
	keys := differences(&s.template.Config, &settings.Config)
	previous := s.template
	s.template = &next.Settings
	if len(keys) == 0 {
		done <- nil
		return
	}
	if s.rollout != nil {
		s.endRollout(ErrSuperseded)
	}
	s.backoff = backoff{} // what failed before may do now
	r := newRollout(1, "config changed: "+strings.Join(keys, ", "))
	r.done, r.previous = done, previous
	s.begin(r)
}

// ErrSuperseded says that a restart did not come to its end because another one
// took its place.
var ErrSuperseded = errors.New("restart instances: the config has changed, and they are restarted once more")
