package fleet

import "errors"

// ErrDeploying reports that something does not begin because a deploy is under way.
var ErrDeploying = errors.New("a deploy is under way")

// Stager is a Fleet that can run instances of two versions of the app at the same time.
// Those of the new version are staged (registry.Spec.Staged). They are not part of the
// target, and what the fleet does with the other instances does not depend on them. Its
// methods are safe for concurrent use.
type Stager interface {
	// Stage starts instances with other settings, as many as a part of the target, at
	// least one; a part of 1 is as many as the target. It fails with ErrDeploying when
	// there are staged instances already, with ErrRestarting during a restart, and with
	// ErrKind and ErrClosed as Configure does.
	Stage(settings Settings, part float64, reason string) (*Staging, error)
	// Resize changes the part.
	Resize(part float64)
	// Promote replaces all other instances by the staged ones, as soon as the number of
	// ready ones is the target. All requests go to the new ones at the same moment, and
	// the others drain.
	Promote(reason string)
	// Abandon drains the staged instances. It has no effect when there are none.
	Abandon(err error)
}

// Staging is the run of a Stage. Its channels have one reader.
type Staging struct {
	// Progress has the latest Progress that was not read.
	Progress chan Progress
	// Done gets one value: nil when the staged instances have replaced the others, or why
	// they drain: one has failed, or the error of Abandon.
	Done chan error
}

// Progress is how many staged instances are ready, and how many there are to be.
type Progress struct{ Ready, Wanted int }

// NewStaging returns a Staging for a fleet that begins one.
func NewStaging() *Staging {
	return &Staging{Progress: make(chan Progress, 1), Done: make(chan error, 1)}
}

// Report puts a progress in place of one that was not read. It has one caller at a time.
func (s *Staging) Report(p Progress) {
	select {
	case <-s.Progress:
	default:
	}
	s.Progress <- p
}
