package fleet

// Configure is what all kinds of fleets do for [Fleet].Configure outside of their loop. begin
// has the loop put settings of the own kind in force, after which done gets one value; it
// returns false when the fleet has stopped, which the error stopped says.
func Configure[S Settings](settings Settings, stopped error, begin func(own S, done chan error) bool) <-chan error {
	done := make(chan error, 1)
	if own, ok := settings.(S); !ok {
		done <- ErrKind
	} else if !begin(own, done) {
		done <- stopped
	}
	return done
}
