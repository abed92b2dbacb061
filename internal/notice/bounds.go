package notice

import "fmt"

// Bounds are the minimum and the maximum number of instances.
type Bounds struct{ Min, Max int }

// Check returns a *BoundsError when n is out of bounds.
func (b Bounds) Check(n int) error {
	if n < b.Min || n > b.Max {
		return &BoundsError{N: n, Bounds: b}
	}
	return nil
}

// Clamp returns the number within the bounds that is nearest to n.
func (b Bounds) Clamp(n int) int { return max(b.Min, min(b.Max, n)) }

// BoundsError says that a number of instances is out of bounds.
type BoundsError struct {
	N int
	Bounds
}

// Error names the number and the bounds.
func (e *BoundsError) Error() string {
	return fmt.Sprintf("target %d is outside [%d, %d] (minInstances, maxInstances)", e.N, e.Min, e.Max)
}
