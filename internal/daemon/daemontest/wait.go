package daemontest

import (
	"testing"
	"time"
)

// Within is how long anything may take that is awaited: a bound for what hangs,
// not a measure.
const Within = 30 * time.Second

// Eventually waits until ok returns true, and fails the test when it does not.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(Within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", Within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
