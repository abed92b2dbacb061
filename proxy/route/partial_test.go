package route

import (
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestPartial checks that there is a place for each instance, and one without instances.
func TestPartial(t *testing.T) {
	t.Parallel()
	instances := registry.New(registry.Options{})
	a := NewApp("default", instances, Settings{})
	for _, want := range []int{1, 1, 2, 3} { // one more instance each time
		n := 0
		for a.TakePartial() {
			n++
		}
		if n != want {
			t.Errorf("%d places with %d instances, want %d", n, instances.Len(), want)
		}
		for range n {
			a.DropPartial()
		}
		instances.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: "127.0.0.1:1"}})
	}
}
