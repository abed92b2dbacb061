package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// TestCleanups: all steps run, in the reverse order, whatever the others return.
func TestCleanups(t *testing.T) {
	t.Parallel()
	var c cleanups
	var order []int
	var failures []error
	for i := range 3 {
		failure := errors.New("step failed")
		failures = append(failures, failure)
		c.add(func(context.Context) error {
			order = append(order, i)
			return failure
		})
	}
	err := c.run(t.Context())
	if want := []int{2, 1, 0}; !slices.Equal(order, want) {
		t.Errorf("steps ran in the order %v, want %v", order, want)
	}
	for i, failure := range failures {
		if !errors.Is(err, failure) {
			t.Errorf("the error of step %d is missing in %v", i, err)
		}
	}
	if err := c.run(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("a second run ran steps again: %v, %v", order, err)
	}
}
