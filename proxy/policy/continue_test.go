package policy

import "testing"

func TestContinue(t *testing.T) {
	t.Parallel()
	var c Continue
	for _, step := range []struct{ asked, long bool }{{true, true}, {false, false}, {false, false}, {true, true}} {
		c.Note(step.asked)
		if got := c.Wait() == ContinueTimeout; got != step.long {
			t.Errorf("asked %t: waits %v", step.asked, c.Wait())
		}
	}
}
