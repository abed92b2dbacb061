package notice

import (
	"errors"
	"testing"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	bounds := Bounds{Min: 1, Max: 4}
	var out *BoundsError
	if err := bounds.Check(5); !errors.As(err, &out) || out.N != 5 || out.Max != 4 {
		t.Errorf("Check(5) = %v", err)
	}
	for n, want := range map[int]int{0: 1, 1: 1, 3: 3, 4: 4, 9: 4} {
		if got := bounds.Clamp(n); got != want {
			t.Errorf("Clamp(%d) = %d, want %d", n, got, want)
		}
		if in := n == want; in != (bounds.Check(n) == nil) {
			t.Errorf("Check(%d) and Clamp disagree", n)
		}
	}
}
