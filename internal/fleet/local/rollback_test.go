package local

import (
	"errors"
	"testing"
	"time"
)

// TestConfigureFailsHalfway: when the second new instance fails, the first one is
// replaced by one of the previous program, and the previous settings are in force.
func TestConfigureFailsHalfway(t *testing.T) {
	t.Parallel()
	withFleet(t, env1, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(50 * time.Millisecond)
		before := r.settings().StopTimeout
		done := r.configure(func(s *Settings) {
			env("2")(s)
			s.StopTimeout = before + time.Second
		})
		for r.apps()["2"] < 1 || r.ready() < 3 {
			r.after(time.Millisecond)
		}
		r.refuseStarts(errors.New("no such app"))
		for len(done) == 0 {
			r.after(time.Millisecond)
		}
		if err := result(t, done); err == nil {
			t.Fatal("Configure reports no error")
		}
		if got := r.settings().StopTimeout; got != before {
			t.Errorf("StopTimeout is %v after the failure, want %v", got, before)
		}
		r.refuseStarts(nil)
		r.after(time.Minute)
		r.want("3 ready")
		if got := r.apps(); got["1"] != 3 || len(got) != 1 {
			t.Errorf("running %v, want three of the first program", got)
		}
	})
}
