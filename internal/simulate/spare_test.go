package simulate

import "testing"

// TestSpareIsCalm: with a constant load, the spare instances stay, and the target does not
// go up and down.
func TestSpareIsCalm(t *testing.T) {
	t.Parallel()
	for seed := range seeds(5) {
		settings := scaling(1, 12)
		settings.Idle, settings.Spare = 10*second, 3
		load := []Phase{{Rate: 25, For: 180 * second}}
		r := Run(Scenario{App: slowBoot(oneAtATime), Load: load, Seed: seed, Registry: auto, Scaling: settings})
		changes := 0
		for _, c := range r.Changes {
			if c.At > 60*second {
				changes++
			}
			if c.At > 30*second && c.To < 2+settings.Spare {
				t.Errorf("seed %d: %d instances where the load needs 2", seed, c.To)
			}
		}
		if changes > 4 {
			t.Errorf("seed %d: %d changes within two minutes of a constant load", seed, changes)
		}
		if t.Failed() {
			r.log(t)
		}
	}
}
